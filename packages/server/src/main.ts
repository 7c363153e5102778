import { readFile } from 'node:fs/promises';
import { runCommandLine } from './cli/run.ts';
import { processEnvironment } from './platform/config.ts';

const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A reader that left (`yinxin app list | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  {
    environment: processEnvironment(),
    cwd: process.cwd(),
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
  },
  version,
);
