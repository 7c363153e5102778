import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Finding } from '../dialects/admin/index.ts';
import { ConfigError, VARIABLES, type Config } from '../platform/config.ts';
import { MASTER_KEY_FILE, SERVICE_FILE, STARTS_FILE } from '../platform/data-directory.ts';
import { adminClient, dataDirOf, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer } from './print.ts';
import { configOf } from './serve-command.ts';

const NODE_MAJOR_MIN = 24;
const FREE_BYTES_MIN = 1024 ** 3;
const SECRET_VARIABLES = new Set(['DATABASE_URL', 'YINXIN_MASTER_KEY', 'OTEL_EXPORTER_OTLP_HEADERS']);

/** `yinxin doctor`: what is configured, what was found, and what to do about it. */
export function addDoctorCommand(program: Command, context: CliContext): void {
  withClientOptions(
    program.command('doctor').description('examine configuration, data directory and the running service'),
  )
    .option('--timings', 'how long the last cold start (with initdb and migrations) and the last warm one took')
    .action(async (options: ClientOptions & { timings?: boolean }) => {
      const findings = await examine(context, options);
      const starts = options.timings === true ? await readStarts(dataDirOf(context, options)) : {};
      const result = { findings, ...(options.timings === true && { timings: starts }) };
      answer(context, options, result, () => {
        for (const { ok, name, detail } of findings) context.out(`${ok ? '✓' : '✗'} ${name}: ${detail}`);
        if (options.timings !== true) return;
        for (const kind of ['cold', 'warm']) context.out(`  ${kind} start: ${timingText(starts[kind])}`);
      });
      const bad = findings.filter((finding) => !finding.ok).length;
      if (bad > 0) throw new CliError(`${bad} of ${findings.length} findings need attention`);
    });
}

async function examine(context: CliContext, options: ClientOptions): Promise<Finding[]> {
  const major = Number(process.versions.node.split('.', 1)[0]);
  const runtime = {
    name: 'Node',
    ok: major >= NODE_MAJOR_MIN,
    detail: `${process.version}, ${process.platform} ${process.arch}`,
  };
  let config: Config;
  try {
    config = configOf(context, options.dataDir === undefined ? {} : { dataDir: options.dataDir });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [runtime, ...error.faults.map((fault) => ({ name: fault.variable, ok: false, detail: fault.message }))];
  }
  return [
    runtime,
    configured(context),
    ...(await directoryFindings(config)),
    ...(await serviceFindings(context, options)),
  ];
}

function configured(context: CliContext): Finding {
  const set = Object.keys(VARIABLES).filter((name) => (context.environment[name] ?? '') !== '');
  const shown = set.map(
    (name) => `${name}=${SECRET_VARIABLES.has(name) ? '(hidden)' : (context.environment[name] ?? '')}`,
  );
  return { name: 'configuration', ok: true, detail: set.length === 0 ? 'all defaults' : shown.join(', ') };
}

async function directoryFindings(config: Config): Promise<Finding[]> {
  const name = 'data directory';
  try {
    await access(config.dataDir, constants.R_OK | constants.W_OK);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing) return [{ name, ok: true, detail: `${config.dataDir} does not exist yet; the first start makes it` }];
    return [{ name, ok: false, detail: `${config.dataDir} is not readable and writable by this user` }];
  }
  if (!(await stat(config.dataDir)).isDirectory()) {
    return [
      { name, ok: false, detail: `${config.dataDir} is a file; name a directory with YINXIN_DATA_DIR or --data-dir` },
    ];
  }
  const { bavail, bsize } = await statfs(config.dataDir);
  const free = bavail * bsize;
  const key = config.masterKey === null ? await keyFinding(join(config.dataDir, MASTER_KEY_FILE)) : [];
  return [
    { name, ok: true, detail: config.dataDir },
    {
      name: 'disk',
      ok: free >= FREE_BYTES_MIN,
      detail: `${(free / 1024 ** 3).toFixed(1)} GiB free, at least 1 GiB wanted`,
    },
    ...key,
  ];
}

async function keyFinding(file: string): Promise<Finding[]> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return [];
  const ok = process.platform === 'win32' || (found.mode & 0o077) === 0;
  return [
    {
      name: 'master key',
      ok,
      detail: ok ? `${file}; back it up apart from the database` : `others may read it: chmod 600 ${file}`,
    },
  ];
}

async function serviceFindings(context: CliContext, options: ClientOptions): Promise<Finding[]> {
  const name = 'service';
  const running = await readFile(join(dataDirOf(context, options), SERVICE_FILE), 'utf8').catch(() => undefined);
  if (running === undefined && options.server === undefined) {
    return [{ name, ok: true, detail: 'does not run on this data directory; start it with `npm start`' }];
  }
  try {
    const { findings } = (await adminClient(context, options).get('/status')) as unknown as { findings: Finding[] };
    return findings;
  } catch (error) {
    return [{ name, ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

type Starts = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

async function readStarts(dataDir: string): Promise<Starts> {
  const text = await readFile(join(dataDir, STARTS_FILE), 'utf8').catch(() => '{}');
  try {
    return JSON.parse(text) as Starts;
  } catch {
    return {};
  }
}

function timingText(start: Readonly<Record<string, unknown>> | undefined): string {
  if (start === undefined) return 'none yet';
  return Object.entries(start)
    .map(([name, value]) => (typeof value === 'number' ? `${name} ${Math.round(value)} ms` : String(value)))
    .join(', ');
}
