// The first command in a fresh clone: `node bootstrap.mjs start|demo|test|check|bench|chaos|format [arguments]`.
// Plain JavaScript for any Node.js ≥ 18 and nothing else: it brings the Node.js and the packages the
// project runs on, then runs the command under them. See bootstrap/.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endLike, runChild } from './bootstrap/child.mjs';
import { ensureDependencies } from './bootstrap/dependencies.mjs';
import { BootstrapFault, toldFault } from './bootstrap/fault.mjs';
import { ensurePage } from './bootstrap/page.mjs';
import { ensureRuntime } from './bootstrap/runtime.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));

/** @typedef {(node: string, args: string[]) => Promise<void>} Command */

/** @param {string} command @returns {Command} */
const program = (command) => async (node, args) => {
  // The service is of use without the page, which then says that it is not built.
  await ensurePage(root, node);
  const main = join(root, 'packages', 'server', 'src', 'main.ts');
  endLike(await runChild(node, [main, command, ...args], {}));
};

/** @type {Record<string, Command | undefined>} */
const commands = {
  start: program('serve'),
  demo: program('demo'),
  async test(node, args) {
    const [{ ensureTools }, { runChecks }] = await Promise.all([
      import('./bootstrap/tools.mjs'),
      import('./bootstrap/checks.mjs'),
    ]);
    const { chromium } = await ensureTools(root, node);
    if (!(await ensurePage(root, node))) throw new BootstrapFault('The tests need the pages.');
    const env = { CHROMIUM_PATH: chromium };
    process.exitCode = await runChecks(root, node, { withChecks: args.length === 0, tests: args, env });
  },
  async check(node) {
    const { runChecks } = await import('./bootstrap/checks.mjs');
    process.exitCode = await runChecks(root, node, { withChecks: true, tests: null, env: {} });
  },
  async bench(node, args) {
    const run = join(root, 'packages', 'server', 'bench', 'run.ts');
    endLike(await runChild(node, [run, ...args], {}));
  },
  async chaos(node, args) {
    const run = join(root, 'packages', 'server', 'test', 'chaos', 'run.ts');
    endLike(await runChild(node, [run, ...args], {}));
  },
  async format(node, args) {
    const { binOf } = await import('./bootstrap/checks.mjs');
    endLike(await runChild(node, [binOf(root, 'oxfmt', 'oxfmt'), ...args], { cwd: root }));
  },
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
try {
  if (command === undefined)
    throw new BootstrapFault(`Usage: node bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`);
  const node = await ensureRuntime(root);
  await ensureDependencies(root);
  await command(node, args);
} catch (error) {
  const told = toldFault(error);
  if (told === undefined) throw error;
  process.stderr.write(`\n${told}\n`);
  // Whoever reads the last line of a test run finds it here too.
  if (name === 'test' || name === 'check') process.stdout.write('0 passed, 1 failed\n');
  process.exitCode = 1;
}
