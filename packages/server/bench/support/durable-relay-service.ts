import { startService } from '../../src/app.ts';
import { readConfig } from '../../src/platform/config.ts';
import { untilStopped } from './process.ts';
import type { RelayNodeReady, RelayNodeSettings } from './relay-node-terms.ts';

// A node of the relay's benchmarks: the service as `yinxin serve` runs it.
const { environment, logFile } = JSON.parse(process.argv[2] ?? '{}') as RelayNodeSettings;
const service = await startService(readConfig(environment, { cwd: '/', nodeName: 'bench' }), { logFile });
const ready: RelayNodeReady = { url: service.url };
process.send?.(ready);
const failure = await Promise.race([untilStopped(), service.failed]);
await service.stop();
if (failure !== undefined) throw failure;
