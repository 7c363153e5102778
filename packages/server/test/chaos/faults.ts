import { setTimeout as wait } from 'node:timers/promises';
import type { Behaviour, Destination } from './destination.ts';
import type { Random } from './random.ts';
import { FORBIDDEN_ADDRESS, type World } from './world.ts';

/** What a fault has to work with. */
export interface FaultContext {
  readonly world: World;
  readonly random: Random;
  /** How long the load goes on. */
  readonly windowMs: number;
  /** A plain receiver that no other fault of the round has. */
  takeReceiver(): Destination;
  /** One at a time: what stops the database may not meet what fills its disk. */
  withDatabase(work: () => Promise<void>): Promise<void>;
}

/** Does its harm at random moments of the load, undoes it, and says in a few words what it did. */
type Fault = (context: FaultContext) => Promise<string>;

const HOUR_MS = 3_600_000;

export const FAULTS = {
  'node-kill': async ({ world, random, windowMs }) => {
    const kills = random.integer(2, 3);
    const killed: string[] = [];
    for (let n = 0; n < kills; n += 1) {
      await wait(random.integer(0, windowMs / kills));
      const node = random.pick(world.nodes);
      await node.kill();
      killed.push(node.name);
      await node.start();
    }
    return killed.join(', ');
  },

  'node-kill-all': async ({ world, random, windowMs }) => {
    await wait(random.integer(windowMs * 0.1, windowMs * 0.7));
    await Promise.all(world.nodes.map((node) => node.kill()));
    await wait(random.integer(0, 200));
    await Promise.all(world.nodes.map((node) => node.start()));
    return `${world.nodes.length} nodes`;
  },

  'node-stop': async ({ world, random, windowMs }) => {
    await wait(random.integer(0, windowMs * 0.7));
    const node = random.pick(world.nodes);
    await node.stop();
    await node.start();
    return `${node.name}, SIGTERM`;
  },

  'database-restart': async ({ world, random, windowMs, withDatabase }) => {
    const downMs = random.integer(0, 500);
    await wait(random.integer(windowMs * 0.1, windowMs * 0.7));
    await withDatabase(() => world.postgres.restart(downMs));
    return `${downMs} ms down`;
  },

  'database-kill': async ({ world, random, windowMs, withDatabase }) => {
    const downMs = random.integer(0, 500);
    await wait(random.integer(windowMs * 0.1, windowMs * 0.7));
    await withDatabase(() => world.postgres.kill(downMs));
    return `${downMs} ms down`;
  },

  'disk-full': async ({ world, random, windowMs, withDatabase }) => {
    const fullMs = random.integer(windowMs * 0.2, windowMs * 0.5);
    let gaveUp = false;
    await wait(random.integer(0, windowMs * 0.3));
    await withDatabase(async () => {
      try {
        await world.postgres.fill();
        await wait(fullMs);
      } finally {
        gaveUp = await world.postgres.free();
      }
    });
    return `53100 for ${Math.round(fullMs)} ms${gaveUp ? ', the server gave up and was started again' : ''}`;
  },

  'receiver-refuse': (context) => misbehave(context, 'refuse'),
  'receiver-hang': (context) => misbehave(context, 'hang'),
  'receiver-drip': (context) => misbehave(context, 'drip'),
  'receiver-half-close': (context) => misbehave(context, 'half-close'),
  'receiver-wrong-body': (context) => misbehave(context, 'wrong-body'),
  'receiver-500': (context) => misbehave(context, 'status-500'),
  'receiver-302': (context) => misbehave(context, 'redirect'),
  'receiver-50mb': (context) => misbehave(context, 'huge'),
  'receiver-broken-gzip': (context) => misbehave(context, 'broken-gzip'),
  'receiver-tls-error': (context) => misbehave({ ...context, takeReceiver: () => context.world.secure }, 'tls-error'),

  'dns-private': async ({ world, random, windowMs }) => {
    const heldMs = random.integer(windowMs * 0.2, windowMs * 0.6);
    await wait(random.integer(0, windowMs * 0.3));
    world.pointName(FORBIDDEN_ADDRESS);
    await wait(heldMs);
    world.pointName('127.0.0.1');
    return `${Math.round(heldMs)} ms`;
  },

  'clock-step': async ({ world, random, windowMs }) => {
    const steps = random.integer(4, 8);
    const taken: string[] = [];
    for (let n = 0; n < steps; n += 1) {
      await wait(random.integer(0, windowMs / steps));
      const node = random.pick(world.nodes);
      const offsetMs = random.pick([-1, 1]) * random.integer(1_000, HOUR_MS);
      node.tell({ kind: 'clock', offsetMs });
      taken.push(`${node.name} ${signed(offsetMs / 1_000)} s`);
    }
    for (const node of world.nodes) node.tell({ kind: 'clock', offsetMs: 0 });
    return taken.join(', ');
  },

  // From its start on, and killed at the end: what it has leased or scheduled by its clock is left to the others.
  'clock-hour-apart': async ({ world, random, windowMs }) => {
    const node = random.pick(world.nodes);
    const offsetMs = random.pick([-1, 1]) * HOUR_MS;
    await node.kill();
    node.tell({ kind: 'clock', offsetMs });
    await node.start();
    await wait(random.integer(windowMs * 0.3, windowMs * 0.8));
    await node.kill();
    node.tell({ kind: 'clock', offsetMs: 0 });
    await node.start();
    return `${node.name} ${signed(offsetMs / HOUR_MS)} h`;
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];
/** Each of them takes a plain receiver for itself. */
const RECEIVER_FAULTS = FAULT_NAMES.filter((name) => name.startsWith('receiver-') && name !== 'receiver-tls-error');

/** Faults that this machine cannot show, with the reason in plain words. */
export function unshowable(world: Pick<World, 'postgres'>): Map<FaultName, string> {
  const reason = 'it needs a file system of its own for the database, which only root may mount';
  return new Map(world.postgres.canFill ? [] : [['disk-full', reason]]);
}

/** So that there is one for every fault of a round, and one that nothing happens to. */
export function receiversNeeded(faultsPerRound: number): number {
  return Math.min(faultsPerRound, RECEIVER_FAULTS.length) + 1;
}

async function misbehave(context: FaultContext, behaviour: Behaviour): Promise<string> {
  const { random, windowMs } = context;
  const destination = context.takeReceiver();
  const heldMs = random.integer(windowMs * 0.3, windowMs * 0.8);
  await wait(random.integer(0, windowMs * 0.2));
  await destination.behave(behaviour);
  await wait(heldMs);
  await destination.behave('acknowledge');
  return `${destination.name}, ${Math.round(heldMs)} ms`;
}

function signed(amount: number): string {
  return `${amount < 0 ? '−' : '+'}${Math.abs(Math.round(amount))}`;
}
