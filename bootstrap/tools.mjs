import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runChild } from './child.mjs';
import { BootstrapFault, say, secondsSince } from './fault.mjs';

/**
 * What the tests need beside npm: programs, and the package that brings them.
 * Chromium stands apart: it has many names, and on Ubuntu no package of apt's own.
 */
const tools = [
  { programs: ['pdfsig', 'pdftoppm'], apt: 'poppler-utils', dnf: 'poppler-utils', brew: 'poppler' },
  { programs: ['qpdf'], apt: 'qpdf', dnf: 'qpdf', brew: 'qpdf' },
  { programs: ['openssl'], apt: 'openssl', dnf: 'openssl', brew: 'openssl' },
  { programs: ['softhsm2-util'], apt: 'softhsm2', dnf: 'softhsm', brew: 'softhsm' },
];
const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const chromiumPlaces = [
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

const lockWaitMs = 300_000;
const lockPollMs = 3_000;

/** @typedef {{ packages: string[], chromium: boolean }} Missing `packages` under the names of apt */
/** @typedef {{ platform: string, isRoot: boolean, osRelease: string, hasApt: boolean, hasSnap: boolean }} Machine */
/** @typedef {{ kind: 'install', packages: string[], browser: 'none' | 'snap' | 'playwright' } | { kind: 'tell', line: string }} Plan */

/**
 * What to do about missing tools: install them (root on Debian or Ubuntu), or the one line to paste.
 * @param {Missing} missing
 * @param {Machine} machine `osRelease` is the text of /etc/os-release
 * @returns {Plan}
 */
export function planInstallation(missing, machine) {
  const isUbuntu = /^ID(_LIKE)?=.*ubuntu/m.test(machine.osRelease);
  // Ubuntu's chromium package is an empty one that points to the snap.
  const aptPackages = [...missing.packages, ...(missing.chromium && !isUbuntu ? ['chromium'] : [])];
  if (machine.hasApt && machine.isRoot) {
    const byOther = missing.chromium && isUbuntu;
    return {
      kind: 'install',
      packages: aptPackages,
      browser: byOther ? (machine.hasSnap ? 'snap' : 'playwright') : 'none',
    };
  }
  if (machine.hasApt) {
    const commands = [
      ...(aptPackages.length > 0 ? [`sudo apt-get update && sudo apt-get install -y ${aptPackages.join(' ')}`] : []),
      ...(missing.chromium && isUbuntu ? ['sudo snap install chromium'] : []),
    ];
    return { kind: 'tell', line: commands.join(' && ') };
  }
  if (machine.platform === 'darwin') {
    const names = tools.filter(({ apt }) => missing.packages.includes(apt)).map(({ brew }) => brew);
    const commands = [
      ...(names.length > 0 ? [`brew install ${names.join(' ')}`] : []),
      ...(missing.chromium ? ['brew install --cask google-chrome'] : []),
    ];
    return { kind: 'tell', line: commands.join(' && ') };
  }
  const names = [...missing.packages, ...(missing.chromium ? ['chromium'] : [])];
  const isDnf = /^ID(_LIKE)?=.*(fedora|rhel|centos)/m.test(machine.osRelease);
  return { kind: 'tell', line: isDnf ? `sudo dnf install -y ${names.join(' ')}` : `install these: ${names.join(' ')}` };
}

/**
 * Makes sure every tool of the tests is there, or throws with the line that brings what is missing.
 * @param {string} root the checkout
 * @param {string} node the executable that runs the project
 * @returns {Promise<{ chromium: string }>} path of the browser
 */
export async function ensureTools(root, node) {
  let missing = missingTools(root);
  if (missing.packages.length > 0 || missing.chromium) {
    const plan = planInstallation(missing, machine());
    if (plan.kind === 'tell') throw missingFault(missing, plan.line);
    await installTools(plan, root, node);
    missing = missingTools(root);
    if (missing.packages.length > 0 || missing.chromium) {
      throw missingFault(missing, 'they were installed a moment ago and still are not on the PATH');
    }
  }
  return { chromium: findChromium(root) ?? '' };
}

/** @param {Missing} missing @param {string} line */
function missingFault({ packages, chromium }, line) {
  const names = [...packages, ...(chromium ? ['Chromium'] : [])].join(', ');
  const hint = chromium ? '\n(A Chromium or Chrome elsewhere is found by CHROMIUM_PATH.)' : '';
  return new BootstrapFault(`The tests need ${names}:\n\n  ${line}\n${hint}`);
}

/** @returns {Machine} */
function machine() {
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osRelease: existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '',
    hasApt: onPath('apt-get') !== null,
    hasSnap: existsSync('/run/snapd.socket'),
  };
}

/** @param {string} root @returns {Missing} */
function missingTools(root) {
  const lacking = tools.filter(({ programs }) => programs.some((program) => onPath(program) === null));
  return { packages: lacking.map(({ apt }) => apt), chromium: findChromium(root) === null };
}

/** @param {string} program */
function onPath(program) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const ending of endings) {
      const path = join(folder, program + ending);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return null;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} root */
function findChromium(root) {
  const given = process.env['CHROMIUM_PATH'];
  if (given !== undefined && given !== '') {
    if (!isExecutable(given)) throw new BootstrapFault(`CHROMIUM_PATH names ${given}, which is no program.`);
    return given;
  }
  const found = [...chromiumNames.map(onPath), ...chromiumPlaces, ...broughtBrowsers(root)];
  return found.find((path) => path !== null && isExecutable(path) && !isSnapStub(path)) ?? null;
}

/** Ubuntu's `/usr/bin/chromium-browser` is a script that only says to install the snap. @param {string} path */
function isSnapStub(path) {
  const beginning = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    readSync(file, beginning);
  } finally {
    closeSync(file);
  }
  const text = beginning.toString('latin1');
  return text.startsWith('#!') && text.includes('requires the chromium snap') && !existsSync('/snap/bin/chromium');
}

/** @param {string} root */
function browsersFolder(root) {
  return join(root, '.runtime', 'browsers');
}

/** @param {string} root */
function broughtBrowsers(root) {
  const folder = browsersFolder(root);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith('chromium-'))
    .flatMap((name) => ['chrome-linux64', 'chrome-linux'].map((inner) => join(folder, name, inner, 'chrome')));
}

/** @param {Extract<Plan, { kind: 'install' }>} plan @param {string} root @param {string} node */
async function installTools({ packages, browser }, root, node) {
  const since = performance.now();
  const names = [...packages, ...(browser === 'none' ? [] : ['Chromium'])].join(', ');
  say(`Installing what the tests need: ${names} …`);
  if (packages.length > 0) {
    const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
    // A fresh image has empty package lists, an old one stale lists: both need an update first.
    if ((await apt(install)).code !== 0) {
      await apt(['update', '-q']);
      const { code, output } = await apt(install);
      if (code !== 0) throw new BootstrapFault(`${lastLines(output)}\n\napt-get could not install ${names}.`);
    }
  }
  if (browser === 'snap') await runOrFail('snap', ['install', 'chromium'], process.env);
  if (browser === 'playwright') {
    const cli = join(root, 'node_modules', 'playwright-core', 'cli.js');
    const env = { ...process.env, PLAYWRIGHT_BROWSERS_PATH: browsersFolder(root) };
    await runOrFail(node, [cli, 'install', '--with-deps', 'chromium'], env);
  }
  say(`Installed (${secondsSince(since)}).`);
}

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env */
async function runOrFail(command, args, env) {
  const { code, output } = await runChild(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  if (code !== 0) throw new BootstrapFault(`${lastLines(output)}\n\nChromium could not be installed.`);
}

/**
 * apt-get waits for the dpkg lock itself (DPkg::Lock::Timeout), but not for the one of the lists.
 * @param {string[]} args
 */
async function apt(args) {
  const givesUpAt = performance.now() + lockWaitMs;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const all = ['-o', `DPkg::Lock::Timeout=${lockWaitMs / 1000}`, ...args];
  for (let waits = 0; ; waits += 1) {
    const end = await runChild('apt-get', all, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (end.received !== null) throw new BootstrapFault(`Stopped by ${end.received}.`);
    const isLocked = /Could not get lock|Unable to acquire|Unable to lock/.test(end.output);
    if (end.code === 0 || !isLocked || performance.now() > givesUpAt) return end;
    if (waits === 0) say('Another program holds the package lists; waiting for it.');
    await delay(lockPollMs);
  }
}

/** @param {string} output */
function lastLines(output) {
  return output.trim().split('\n').slice(-10).join('\n');
}
