import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runChild } from './child.mjs';
import { BootstrapFault } from './fault.mjs';

/** npm says why at the beginning and how to go on at the end. */
const shownLines = { first: 12, last: 4 };

/**
 * How to call npm: the very npm that called us where there is one (so its version and Node fit each
 * other), else the one on the PATH. pnpm and yarn set `npm_execpath` too; they are not npm.
 * @param {Record<string, string | undefined>} env
 * @param {{ platform: string, execPath: string }} machine
 * @returns {{ command: string, args: string[], shell: boolean }}
 */
export function npmCommand(env, { platform, execPath }) {
  const called = env['npm_execpath'] ?? '';
  const name = basename(called);
  if (/^(npm|npx)(-cli)?\.c?js$/.test(name)) {
    const script = name.startsWith('npx') ? join(dirname(called), name.replace('npx', 'npm')) : called;
    return { command: env['npm_node_execpath'] ?? execPath, args: [script], shell: false };
  }
  // npm is a .cmd file on Windows, which only a shell can start.
  return { command: 'npm', args: [], shell: platform === 'win32' };
}

/** @param {string} path */
function isWritable(path) {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * npm needs a cache it can write. Where the home folder is read-only (a service user, a container)
 * it lives beside the runtime.
 * @param {string} root
 * @returns {string[]}
 */
function cacheArguments(root) {
  const cache = process.env['npm_config_cache'] ?? join(homedir(), '.npm');
  return isWritable(cache) ? [] : ['--cache', join(root, '.runtime', 'npm-cache')];
}

/**
 * Runs npm quietly. When it fails, its last lines are in the fault.
 * `--loglevel=error` also keeps EBADENGINE away: packages ask for the Node that runs them, which is
 * not always the Node that runs npm.
 * @param {string} root the checkout
 * @param {readonly string[]} args
 * @param {{ cwd: string, what: string, advice: string, onStart: (pid: number) => void }} options
 */
export async function runNpm(root, args, { cwd, what, advice, onStart }) {
  const npm = npmCommand(process.env, process);
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-progress', '--engine-strict=false'];
  const all = [...npm.args, ...args, ...quiet, ...cacheArguments(root)];
  const end = await runChild(npm.command, all, {
    cwd,
    onStart,
    shell: npm.shell,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_config_update_notifier: 'false' },
  }).catch((error) => {
    throw new BootstrapFault(`npm does not start (${error.code ?? error.message}). Install Node.js together with npm.`);
  });
  if (end.received !== null) throw new BootstrapFault(`Stopped by ${end.received} while ${what}.`);
  if (end.code === 0) return;
  const ending = end.signal === null ? `npm ended with code ${end.code}` : `npm was ended by ${end.signal}`;
  throw new BootstrapFault(`${excerpt(end.output)}\n\n${ending} while ${what}. ${advice}`);
}

/** @param {string} output */
function excerpt(output) {
  const lines = output.trim().split('\n');
  const { first, last } = shownLines;
  if (lines.length <= first + last) return lines.join('\n');
  return [...lines.slice(0, first), '…', ...lines.slice(-last)].join('\n');
}
