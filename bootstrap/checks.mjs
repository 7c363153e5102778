import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { runChild } from './child.mjs';

/** @typedef {{ name: string, passed: number, failed: number, skipped: number, ms: number, received?: NodeJS.Signals | null }} CheckResult */

/** Cheap ones first: what fails fast is told fast. */
const checks = [
  { name: 'format', package: 'oxfmt', bin: 'oxfmt', args: ['--check'] },
  { name: 'lint', package: 'oxlint', bin: 'oxlint', args: ['--type-aware'] },
  { name: 'types', package: 'typescript', bin: 'tsc', args: ['-p', '.'] },
  { name: 'types of the page', package: 'typescript', bin: 'tsc', args: ['-p', 'packages/web'] },
  { name: 'dead code', package: 'knip', bin: 'knip', args: [] },
];

/**
 * The counts of a vitest run, from its JSON report. A run that ended badly without a failed test
 * (a file that does not load, an unhandled error) counts as one failure.
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number } | null} report
 * @param {number | null} code exit code of vitest
 */
export function countTests(report, code) {
  const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = report ?? {};
  const failed = numFailedTests === 0 && code !== 0 ? 1 : numFailedTests;
  return { passed, failed, skipped: numPendingTests + numTodoTests };
}

/**
 * The table and, as its very last line, `N passed, N failed`.
 * @param {readonly CheckResult[]} results
 */
export function summaryOf(results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(({ name, passed, failed, skipped, ms }) => {
    const counts = passed + failed > 1 ? `  ${passed} passed, ${failed} failed` : '';
    const left = skipped > 0 ? `, ${skipped} skipped` : '';
    return `${failed > 0 ? 'FAIL' : 'ok  '}  ${name.padEnd(width)}  ${(ms / 1000).toFixed(1).padStart(6)} s${counts}${left}`;
  });
  return [...rows, '', lastLine(results)].join('\n');
}

/** @param {readonly { passed: number, failed: number }[]} results */
export function lastLine(results) {
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  return `${passed} passed, ${failed} failed`;
}

/**
 * Runs every check although one fails, then the summary. Ctrl-C ends the whole run.
 * @param {string} root the checkout
 * @param {string} node the executable that runs the tools
 * @param {{ withChecks: boolean, tests: readonly string[] | null, env: Record<string, string> }} what
 *   `tests`: arguments for vitest, or null for no tests
 * @returns {Promise<number>} exit code
 */
export async function runChecks(root, node, { withChecks, tests, env }) {
  // Tests that start `node` get the one the project runs on.
  const path = [dirname(node), process.env['PATH'] ?? ''].join(delimiter);
  const place = { root, node, env: { ...process.env, ...env, PATH: path } };
  /** @type {CheckResult[]} */
  const results = [];
  const steps = [
    ...(withChecks ? checks.map((check) => () => runCheck(place, check)) : []),
    ...(tests === null ? [] : [() => runTests(place, tests)]),
  ];
  for (const step of steps) {
    const result = await step();
    results.push(result);
    if (result.received) break;
  }
  process.stdout.write(`\n${summaryOf(results)}\n`);
  return results.some(({ failed }) => failed > 0) ? 1 : 0;
}

/** @typedef {{ root: string, node: string, env: NodeJS.ProcessEnv }} Place */

/** @param {Place} place @param {(typeof checks)[number]} check @returns {Promise<CheckResult>} */
async function runCheck({ root, node, env }, check) {
  const since = performance.now();
  heading(check.name);
  const { code, received } = await runChild(node, [binOf(root, check.package, check.bin), ...check.args], {
    cwd: root,
    env,
  });
  const isGood = code === 0 && received === null;
  return {
    name: check.name,
    passed: isGood ? 1 : 0,
    failed: isGood ? 0 : 1,
    skipped: 0,
    ms: performance.now() - since,
    received,
  };
}

/** @param {Place} place @param {readonly string[]} args @returns {Promise<CheckResult>} */
async function runTests({ root, node, env }, args) {
  const since = performance.now();
  heading('tests');
  const folder = mkdtempSync(join(tmpdir(), 'yinxin-tests-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const command = [binOf(root, 'vitest', 'vitest'), 'run', ...reporters, ...args];
    const { code, received } = await runChild(node, command, { cwd: root, env });
    const counts = countTests(readReport(file), received === null ? code : 1);
    return { name: 'tests', ...counts, ms: performance.now() - since, received };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} file */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * The script behind a package's command, so that it runs under our Node and not under the PATH's.
 * @param {string} root @param {string} name of the package @param {string} bin
 */
export function binOf(root, name, bin) {
  const folder = join(root, 'node_modules', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin]);
}

/** @param {string} name */
function heading(name) {
  process.stdout.write(`\n── ${name} ${'─'.repeat(Math.max(0, 60 - name.length))}\n`);
}
