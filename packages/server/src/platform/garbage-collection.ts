import { setFlagsFromString } from 'node:v8';

/** How far the old generation grows before it is collected, in percent of what the last collection left in it. */
const HEAP_GROWTH_PERCENT = 200;

/**
 * Lets the heap grow between two collections of its old generation. V8 chooses the growth anew each time, and where memory
 * comes and goes fast it leaves less than one young generation (64 MB): then it begins the next collection as soon as one has
 * ended, one in 0.75 s at 1,600 callbacks a second, and its marking threads take two cores for 40 ms each time. With 50 MB
 * of live objects this costs 100 MB and makes such collections rare; what a burst has left is held longer. The limit of the heap
 * as a whole is what it was. For the whole process, and once its modules are loaded: V8 takes no compiled code from a cache that
 * was written under other flags.
 */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}
