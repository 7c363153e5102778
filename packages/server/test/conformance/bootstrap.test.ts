import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { countTests, lastLine, summaryOf } from '../../../../bootstrap/checks.mjs';
import { isForegroundGroup, runChild } from '../../../../bootstrap/child.mjs';
import { isInstalled, stampOf } from '../../../../bootstrap/dependencies.mjs';
import { isStale, withLock } from '../../../../bootstrap/lock.mjs';
import { npmCommand } from '../../../../bootstrap/npm.mjs';
import { ensurePage, pageStamp } from '../../../../bootstrap/page.mjs';
import { isRecentNode, pinnedRuntime } from '../../../../bootstrap/runtime.mjs';
import { planInstallation } from '../../../../bootstrap/tools.mjs';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const never = (): void => {
  throw new Error('nobody else holds the lock');
};

describe('the runtime', () => {
  it('is brought for a Node that cannot run the sources, and only for such', () => {
    expect(['18.20.8', '20.20.2', '22.19.0', '24.2.0'].map(isRecentNode)).toEqual([false, false, false, false]);
    expect(['24.3.0', '24.21.0', '25.0.0', '26.10.0'].map(isRecentNode)).toEqual([true, true, true, true]);
  });

  it.each(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'])('is pinned for %s', (name) => {
    const [platform = '', arch = ''] = name.split('-');
    const { version } = pinnedRuntime({ platform, arch, isMusl: false, version: 'v18.0.0' });
    expect(isRecentNode(version)).toBe(true);
  });

  it.each([
    { platform: 'linux', arch: 'x64', isMusl: true },
    { platform: 'linux', arch: 'riscv64', isMusl: false },
    { platform: 'freebsd', arch: 'x64', isMusl: false },
  ])('is named in one line where npm has none: $platform $arch', (machine) => {
    const bring = () => pinnedRuntime({ ...machine, version: 'v18.0.0' });
    expect(bring).toThrow(/^[^\n]*install Node\.js 24[^\n]*$/);
  });
});

describe('the packages', () => {
  const files = [
    { path: 'package-lock.json', text: '{}' },
    { path: 'package.json', text: '{}' },
  ];

  it('are stamped with the lock file, the manifests and the platform', () => {
    const stamp = stampOf(files, 'linux-x64');
    expect(stampOf(structuredClone(files), 'linux-x64')).toBe(stamp);
    expect(stampOf(files, 'linux-arm64')).not.toBe(stamp);
    expect(stampOf([files[0]!, { path: 'package.json', text: '{ }' }], 'linux-x64')).not.toBe(stamp);
    expect(stampOf(files.slice(0, 1), 'linux-x64')).not.toBe(stamp);
  });

  it('count as installed when all of them are, at the locked version', () => {
    const a = { version: '1.0.0', integrity: 'sha512-a' };
    const binary = { version: '1.0.0', integrity: 'sha512-b', optional: true };
    const wanted = { '': {}, 'packages/server': { version: '0.1.0' }, 'node_modules/a': a, 'node_modules/b': binary };
    expect(isInstalled(wanted, { 'packages/server': { version: '0.1.0' }, 'node_modules/a': a })).toBe(true);
    expect(isInstalled(wanted, { 'node_modules/b': binary })).toBe(false);
    expect(isInstalled(wanted, { 'node_modules/a': { ...a, version: '1.0.1' } })).toBe(false);
    expect(isInstalled(wanted, { 'node_modules/a': { ...a, integrity: 'sha512-c' } })).toBe(false);
    expect(isInstalled(wanted, { 'node_modules/a': a, 'node_modules/gone': a })).toBe(false);
  });

  it('may run the install scripts that the lock file names, and no others', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripted = Object.entries(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { allowScripts: object };
    expect(Object.keys(manifest.allowScripts).toSorted()).toEqual(scripted.toSorted());
  });

  it('are installed by the npm that called, never by pnpm or yarn', () => {
    const machine = { platform: 'linux', execPath: '/n/node' };
    const called = { npm_execpath: '/n/npm/bin/npm-cli.js', npm_node_execpath: '/m/node' };
    expect(npmCommand(called, machine)).toEqual({ command: '/m/node', args: [called.npm_execpath], shell: false });
    expect(npmCommand({ npm_execpath: '/n/npm/bin/npx-cli.js' }, machine).args).toEqual(['/n/npm/bin/npm-cli.js']);
    expect(npmCommand({ npm_execpath: '/n/pnpm.cjs' }, machine)).toEqual({ command: 'npm', args: [], shell: false });
    expect(npmCommand({}, { ...machine, platform: 'win32' }).shell).toBe(true);
  });
});

describe('the pages', () => {
  let folder: string;
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'yinxin-page-'));
    await write('package-lock.json', '{}');
    await write('packages/web/src/main.tsx', '1');
    await write('packages/server/src/dialects/member/contract.ts', '1');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['package-lock.json', 'packages/web/src/main.tsx', 'packages/server/src/dialects/member/contract.ts'])(
    'are built anew when %s changed',
    async (path) => {
      const before = pageStamp(folder);
      expect(pageStamp(folder)).toBe(before);
      await write(path, '2');
      expect(pageStamp(folder)).not.toBe(before);
    },
  );

  it.each(['dist/index.html', 'node_modules/x/index.js', 'test/faults.ts', 'src/main.test.ts'])(
    'are not built anew for packages/web/%s',
    async (path) => {
      const before = pageStamp(folder);
      await write(`packages/web/${path}`, '1');
      expect(pageStamp(folder)).toBe(before);
    },
  );

  it('are left alone when nothing changed', async () => {
    await write('packages/web/dist/.stamp', pageStamp(folder));
    expect(await ensurePage(folder, '/no/such/program')).toBe(true);
    expect(await readdir(folder)).not.toContain('.runtime');
  });

  it('that cannot be built leave those before, and it is said', async () => {
    await write('packages/web/dist/index.html', 'before');
    await write('node_modules/vite/bin/vite.js', "console.error('broken'); process.exit(1)");
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(await ensurePage(folder, process.execPath)).toBe(false);
    expect(said.mock.calls.join('')).toContain('broken\nThe pages could not be built.');
    said.mockRestore();
    expect(readFileSync(join(folder, 'packages/web/dist/index.html'), 'utf8')).toBe('before');
  });

  it('are built by whoever comes first; the others wait and build nothing', async () => {
    const script =
      "const fs = require('node:fs'); const out = process.argv[process.argv.indexOf('--outDir') + 1];" +
      "fs.appendFileSync(`${__dirname}/runs`, 'x'); fs.writeFileSync(`${out}/index.html`, 'built');";
    await write('node_modules/vite/bin/vite.js', script);
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const outcomes = await Promise.all([1, 2, 3].map(() => ensurePage(folder, process.execPath)));
    said.mockRestore();
    expect(outcomes).toEqual([true, true, true]);
    expect(readFileSync(join(folder, 'node_modules/vite/bin/runs'), 'utf8')).toBe('x');
    expect(readFileSync(join(folder, 'packages/web/dist/index.html'), 'utf8')).toBe('built');
  });
});

describe('the lock', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'yinxin-lock-'));
    path = join(folder, 'x.lock');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    { owner: { host: 'here', pids: [1] }, ageMs: 1_000, stale: false, why: 'its owner lives' },
    { owner: { host: 'here', pids: [2] }, ageMs: 0, stale: true, why: 'its owner is dead' },
    { owner: { host: 'here', pids: [2, 1] }, ageMs: 0, stale: false, why: 'the npm of its dead owner lives' },
    { owner: { host: 'here', pids: [1] }, ageMs: 3_600_000, stale: true, why: 'the process number was used again' },
    { owner: { host: 'there', pids: [2] }, ageMs: 20_000, stale: false, why: 'a stranger was heard of lately' },
    { owner: { host: 'there', pids: [1] }, ageMs: 120_000, stale: true, why: 'a stranger fell silent' },
    { owner: null, ageMs: 1_000, stale: false, why: 'it is just being written' },
    { owner: null, ageMs: 60_000, stale: true, why: 'its writer was killed while writing' },
  ])('stale: $stale, because $why', ({ owner, ageMs, stale }) => {
    expect(isStale({ owner, ageMs }, { host: 'here', isAlive: (pid) => pid === 1 })).toBe(stale);
  });

  it('lets one in at a time, and is gone afterwards', async () => {
    let inside = 0;
    let waits = 0;
    const enter = () =>
      withLock(path, { onWait: () => (waits += 1) }, async () => {
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    await Promise.all([enter(), enter(), enter()]);
    expect(waits).toBe(2);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is taken over from a killed owner', async () => {
    const { pid } = await deadProcess();
    await writeFile(path, JSON.stringify({ host: hostname(), pids: [pid] }));
    expect(await withLock(path, { onWait: never }, async () => 'in')).toBe('in');
  });

  it('is taken over although a process was killed while it took it over', async () => {
    const { pid } = await deadProcess();
    await writeFile(path, JSON.stringify({ host: hostname(), pids: [pid] }));
    await mkdir(`${path}.breaking`);
    await utimes(`${path}.breaking`, new Date(0), new Date(0));
    expect(await withLock(path, { onWait: never }, async () => 'in')).toBe('in');
  });

  async function deadProcess(): Promise<{ pid: number }> {
    let pid = 0;
    await runChild(process.execPath, ['--version'], { stdio: 'ignore', onStart: (started) => (pid = started) });
    return { pid };
  }
});

describe('a child', () => {
  it('hands back its exit code, its signal and what it wrote', async () => {
    const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
    const run = (script: string) => runChild(process.execPath, ['-e', script], options);
    expect(await run('console.log(1); process.exitCode = 7')).toMatchObject({ code: 7, signal: null, output: '1\n' });
    expect(await run("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 9)")).toMatchObject({
      code: null,
      signal: 'SIGTERM',
    });
  });

  it('is told apart: in the foreground of a terminal (which signals it) or not', () => {
    expect(isForegroundGroup('31 (node (x) y) S 30 31 30 34816 31 4194304')).toBe(true);
    expect(isForegroundGroup('31 (node) S 30 31 30 34816 30 4194304')).toBe(false);
    expect(isForegroundGroup('31 (node) S 30 31 31 0 -1 4194304')).toBe(false);
  });
});

describe('what the tests need', () => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n';
  const ubuntu = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n';
  const fedora = 'ID=fedora\n';
  const machine = { platform: 'linux', isRoot: true, osRelease: debian, hasApt: true, hasSnap: false };
  const all = { packages: ['poppler-utils', 'qpdf'], chromium: true };

  it('is installed by apt-get as root on Debian', () => {
    const packages = ['poppler-utils', 'qpdf', 'chromium'];
    expect(planInstallation(all, machine)).toEqual({ kind: 'install', packages, browser: 'none' });
  });

  it('is installed as root on Ubuntu, the browser from elsewhere', () => {
    const packages = ['poppler-utils', 'qpdf'];
    const onUbuntu = { ...machine, osRelease: ubuntu };
    expect(planInstallation(all, onUbuntu)).toEqual({ kind: 'install', packages, browser: 'playwright' });
    expect(planInstallation(all, { ...onUbuntu, hasSnap: true })).toMatchObject({ browser: 'snap' });
    expect(planInstallation({ packages, chromium: false }, onUbuntu)).toMatchObject({ browser: 'none' });
  });

  it.each([
    [{ isRoot: false }, 'sudo apt-get update && sudo apt-get install -y poppler-utils qpdf chromium'],
    [
      { isRoot: false, osRelease: ubuntu },
      'sudo apt-get update && sudo apt-get install -y poppler-utils qpdf && sudo snap install chromium',
    ],
    [{ hasApt: false, osRelease: fedora }, 'sudo dnf install -y poppler-utils qpdf chromium'],
    [
      { hasApt: false, isRoot: false, platform: 'darwin', osRelease: '' },
      'brew install poppler qpdf && brew install --cask google-chrome',
    ],
    [{ hasApt: false, osRelease: 'ID=arch\n' }, 'install these: poppler-utils qpdf chromium'],
  ])('is one line to paste elsewhere: %j', (differs, line) => {
    expect(planInstallation(all, { ...machine, ...differs })).toEqual({ kind: 'tell', line });
  });
});

describe('the summary', () => {
  const report = { numPassedTests: 10, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1 };

  it('counts the tests of a run; one that broke without a failed test has failed', () => {
    expect(countTests(report, 0)).toEqual({ passed: 10, failed: 0, skipped: 2 });
    expect(countTests(report, 1)).toEqual({ passed: 10, failed: 1, skipped: 2 });
    expect(countTests({ ...report, numFailedTests: 3 }, 1)).toEqual({ passed: 10, failed: 3, skipped: 2 });
    expect(countTests(null, null)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('ends with one line for programs', () => {
    const results = [
      { name: 'format', passed: 1, failed: 0, skipped: 0, ms: 100 },
      { name: 'lint', passed: 0, failed: 1, skipped: 0, ms: 100 },
      { name: 'tests', passed: 10, failed: 2, skipped: 0, ms: 1_000 },
    ];
    expect(lastLine(results)).toBe('11 passed, 3 failed');
    expect(summaryOf(results).split('\n').at(-1)).toBe('11 passed, 3 failed');
  });
});
