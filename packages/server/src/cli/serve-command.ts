import { hostname } from 'node:os';
import type { Command } from 'commander';
import { readConfig, type Config } from '../platform/config.ts';
import { type CliContext } from './context.ts';

interface ServeOptions {
  dataDir?: string;
  host?: string;
  port?: string;
}

/** The configuration a command runs under: the environment, and what its options say louder. */
export function configOf(context: CliContext, options: ServeOptions): Config {
  const environment = {
    ...context.environment,
    ...(options.dataDir !== undefined && { YINXIN_DATA_DIR: options.dataDir }),
    ...(options.host !== undefined && { YINXIN_HOST: options.host }),
    ...(options.port !== undefined && { YINXIN_PORT: options.port }),
  };
  return readConfig(environment, { cwd: context.cwd, nodeName: `${hostname()}:${process.pid}` });
}

/** `yinxin serve` and `yinxin migrate`. */
export function addServeCommands(program: Command, context: CliContext): void {
  program
    .command('serve')
    .description('run the service until Ctrl-C or SIGTERM, which let it finish what it began')
    .option('--data-dir <dir>', 'directory of database, files and keys (default: $YINXIN_DATA_DIR or ./yinxin-data)')
    .option('--host <address>', 'address to listen on (default: $YINXIN_HOST or 127.0.0.1)')
    .option('--port <port>', 'port to listen on (default: $YINXIN_PORT or 8686)')
    .action(async (options: ServeOptions) => {
      const config = configOf(context, options);
      const { startService } = await import('../app.ts');
      const stopping = stopSignal();
      const service = await startService(config);
      context.err(`Yinxin is ready at ${service.url} (data in ${config.dataDir}). Ctrl-C stops it.`);
      const failure = await Promise.race([stopping, service.failed]);
      await service.stop();
      if (failure !== undefined) throw failure;
    });

  program
    .command('migrate')
    .description("bring the database's schema up to this version, then end; `serve` does the same at its start")
    .option('--data-dir <dir>', 'directory of the embedded database')
    .option('--json', 'print JSON for programs')
    .action(async (options: ServeOptions & { json?: boolean }) => {
      const config = configOf(context, options);
      const { migrateDatabase } = await import('../app.ts');
      const applied = await migrateDatabase(config);
      if (options.json === true) context.out(JSON.stringify({ applied }, null, 2));
      else context.out(applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`);
    });
}

/** A signal to the whole process group arrives twice: directly, and forwarded by whoever started us. */
const REPEATED_SIGNAL_MS = 1_000;

/** Settles at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed). One that comes more than a second later ends the process at once. */
export async function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const stop = (): void => {
      const now = performance.now();
      firstAt ??= now;
      if (now - firstAt > REPEATED_SIGNAL_MS) process.exit(130);
      resolve(undefined);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    process.on('SIGHUP', stop);
  });
}
