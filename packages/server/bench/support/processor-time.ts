import { readdir, readFile } from 'node:fs/promises';

/** Of Linux, whatever the kernel's own (proc_pid_stat(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
const KIB = 1_024;

interface ProcessStat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenTicks: number;
}

async function readStat(pid: number | string): Promise<ProcessStat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  // The name before may hold anything, a parenthesis too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? Number.NaN);
  return { parent: field(4), ownTicks: field(14) + field(15), endedChildrenTicks: field(16) + field(17) };
}

/** Microseconds of processor time that a process has spent on all its threads; NaN where the system does not tell. */
export async function processorMicros(pid: number): Promise<number> {
  const stat = await readStat(pid);
  return stat === null ? Number.NaN : (stat.ownTicks / TICKS_PER_SECOND) * 1e6;
}

/** The same of a process with all its children, those that have ended among them: PostgreSQL with its sessions. */
export async function familyProcessorMicros(pid: number): Promise<number> {
  const stat = await readStat(pid);
  if (stat === null) return Number.NaN;
  let ticks = stat.ownTicks + stat.endedChildrenTicks;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const other = await readStat(name);
    if (other?.parent === pid) ticks += other.ownTicks;
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** Bytes of memory that a process holds; NaN where the system does not tell. */
export async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * KIB;
}
