/**
 * A node of the service in a process of its own, to be killed: the whole service as `yinxin serve` starts it, with shorter
 * limits of the relay, a wall clock that can be set, and names whose answers can be changed. Its configuration stands in
 * the environment, the rest in its argument and in messages. It ends with the process that started it.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SHORT_LIMITS } from './limits.ts';
import { installNameAnswers } from './name-answers.ts';
import type { NodeCommand, NodeReport } from './node-process.ts';
import { installWallClock } from './wall-clock.ts';

enableCompileCache(fileURLToPath(new URL('../../../../.runtime/compile-cache', import.meta.url)));
process.on('disconnect', () => process.exit(1));
const setClock = installWallClock();
const setName = installNameAnswers();
const obey = (command: NodeCommand): void => {
  if (command.kind === 'clock') setClock(command.offsetMs);
  else setName(command.name, command.address);
};
for (const command of JSON.parse(process.argv[2] ?? '[]') as NodeCommand[]) obey(command);
process.on('message', obey);

// Loaded now, so that it meets the clock and the names above.
const [{ startService }, { processEnvironment, readConfig }] = await Promise.all([
  import('../../src/app.ts'),
  import('../../src/platform/config.ts'),
]);
const config = readConfig(processEnvironment(), { cwd: process.cwd(), nodeName: `chaos:${process.pid}` });
const service = await startService(config, { relayLimits: SHORT_LIMITS });
process.once('SIGTERM', () => {
  void service.stop().then(() => process.exit(0));
});
process.send?.({ url: service.url } satisfies NodeReport);
