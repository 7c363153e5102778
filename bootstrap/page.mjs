import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { BootstrapFault, say, secondsSince } from './fault.mjs';

const stampName = '.stamp';
const incomingPrefix = 'page-';

/** Folders of the pages' package that hold no sources. */
const notSources = new Set(['dist', 'node_modules', 'test']);

/** The words that a page and the service share, `contract.ts` of a dialect, are sources of both. */
const dialectsFolder = 'packages/server/src/dialects';

/**
 * What the built pages depend on, as one hash: their sources and the lock file, which pins what they are built with.
 * @param {string} root the checkout
 */
export function pageStamp(root) {
  const hash = createHash('sha256');
  const own = filesOf(root, 'packages/web').filter((path) => !/\.test\.tsx?$/.test(path));
  const shared = filesOf(root, dialectsFolder).filter((path) => path.endsWith('/contract.ts'));
  for (const path of [...own.sort(), ...shared.sort(), 'package-lock.json']) {
    hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

/** @param {string} root @param {string} folder @returns {string[]} */
function filesOf(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return notSources.has(entry.name) ? [] : filesOf(root, path);
  });
}

/**
 * Builds the pages when they are not there or older than their sources. When nothing changed, this costs some small reads.
 * The finished pages appear by a rename; a build that was killed leaves the pages before it.
 * @param {string} root the checkout
 * @param {string} node the executable that runs the build
 * @returns {Promise<boolean>} false when they could not be built, and what was said why
 */
export async function ensurePage(root, node) {
  const folder = join(root, 'packages', 'web', 'dist');
  if (isBuilt(folder, pageStamp(root))) return true;
  const [{ withLock }, { makeRuntimeFolder }] = await Promise.all([import('./lock.mjs'), import('./runtime.mjs')]);
  makeRuntimeFolder(root);
  const onWait = () => say('Another command is building the pages; waiting for it.');
  return withLock(join(root, '.runtime', 'page.lock'), { onWait }, async (noteChild) => {
    const stamp = pageStamp(root);
    return isBuilt(folder, stamp) || build(root, node, { folder, stamp, onStart: noteChild });
  });
}

/** @param {string} folder @param {string} stamp */
function isBuilt(folder, stamp) {
  try {
    return readFileSync(join(folder, stampName), 'utf8') === stamp;
  } catch {
    return false;
  }
}

/**
 * @param {string} root @param {string} node
 * @param {{ folder: string, stamp: string, onStart: (pid: number) => void }} what
 */
async function build(root, node, { folder, stamp, onStart }) {
  const since = performance.now();
  say('Building the pages …');
  const runtimeFolder = join(root, '.runtime');
  for (const name of readdirSync(runtimeFolder)) {
    if (name.startsWith(incomingPrefix)) rmSync(join(runtimeFolder, name), { recursive: true, force: true });
  }
  const incoming = mkdtempSync(join(runtimeFolder, incomingPrefix));
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const source = join(root, 'packages', 'web');
  const args = [vite, 'build', source, '--outDir', incoming, '--emptyOutDir', '--logLevel', 'warn'];
  // A NODE_ENV of somebody's settings would put the development form of React into the pages.
  const env = { ...process.env, NODE_ENV: 'production' };
  const { code, output, received } = await runChild(node, args, {
    cwd: source,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    onStart,
  });
  if (received !== null) throw new BootstrapFault(`Stopped by ${received}.`);
  if (code !== 0 || !existsSync(join(incoming, 'index.html'))) {
    say(`${output.trim()}\nThe pages could not be built.`);
    return false;
  }
  // A temporary folder is its owner's alone; the pages are for whoever runs the service.
  chmodSync(incoming, 0o755);
  writeFileSync(join(incoming, stampName), stamp);
  rmSync(folder, { recursive: true, force: true });
  renameSync(incoming, folder);
  say(`The pages are built (${secondsSince(since)}).`);
  return true;
}
