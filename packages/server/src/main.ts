import { readFile } from 'node:fs/promises';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Stripping types and compiling cost a third of a second at each start. The cache stands in the checkout and not in the
// shared temporary directory, where another user could plant code.
enableCompileCache(fileURLToPath(new URL('../../../.runtime/compile-cache', import.meta.url)));

const [{ runCommandLine }, { processEnvironment }] = await Promise.all([
  import('./cli/run.ts'),
  import('./platform/config.ts'),
]);
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
    ...(process.stderr.isTTY && { progress: (text: string) => void process.stderr.write(`\r\u001b[K${text}`) }),
  },
  version,
);
