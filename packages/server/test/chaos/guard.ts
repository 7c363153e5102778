/**
 * Clears away what a chaos run leaves when it is killed: its PostgreSQL, its mount and its folder. Arguments: the folder
 * of the run and the data directory inside it. It waits until the run's process is gone; a run that ended in order has
 * removed the folder itself.
 */
import { once } from 'node:events';
import { access, rm } from 'node:fs/promises';
import { removeChaosPostgres } from './postgres.ts';

const [folder = '', dataDir = ''] = process.argv.slice(2);
// Ctrl-C in the terminal reaches the whole group: this process has to outlive the run.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
await once(process, 'disconnect');
const isLeft = await access(dataDir).then(
  () => true,
  () => false,
);
if (isLeft) await removeChaosPostgres(dataDir);
await rm(folder, { recursive: true, force: true });
