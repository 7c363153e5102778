import { spawn, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/run.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const READY = /ready at (http:\S+)/;

/** A service in a process of its own, as `npm start` runs it. */
export interface ServiceProcess {
  url: string;
  pid: number;
  dataDir: string;
  log(): string;
  /** Sends the signal and waits for the end; the exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export interface Ran {
  code: number;
  out: string;
  err: string;
  json(): Record<string, unknown>;
}

/** The variables a child needs, and nothing that would configure it by accident. */
function environment(extra: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? tmpdir(), ...extra };
}

export async function temporaryDirectory(prefix: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await makeTemporaryFolder(prefix);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function startServiceProcess(
  dataDir: string,
  extra: Record<string, string> = {},
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: environment({ YINXIN_DATA_DIR: dataDir, YINXIN_PORT: '0', ...extra }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const ended = endOf(child);
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = READY.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then((code) => reject(new Error(`the service ended (${code}) before it was ready:\n${out}`)));
  });
  return {
    url,
    pid: child.pid!,
    dataDir,
    log: () => out,
    async end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? -1)));
}

/** Runs one command line to its end, in this process: a child each would cost more than what it does. */
export async function yinxin(dataDir: string, ...argv: string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const context = {
    environment: { YINXIN_DATA_DIR: dataDir },
    cwd: dataDir,
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  };
  const code = await runCommandLine(argv, context, '0.0.0');
  return {
    code,
    out: out.join('\n'),
    err: err.join('\n'),
    json: () => JSON.parse(out.join('\n')) as Record<string, unknown>,
  };
}
