import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface OpensslFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, bytes: Buffer | string): Promise<string>;
  /** What `openssl LINE` said on both its outputs, and how it ended. No word of the line holds a space. */
  run(line: string): Promise<{ code: number | null; text: string }>;
}

/** A folder of its own for the programs that judge what we sign; gone with its block. */
export async function opensslFolder(): Promise<OpensslFolder> {
  const path = await mkdtemp(join(tmpdir(), 'yinxin-openssl-'));
  return {
    path,
    async write(name, bytes) {
      const file = join(path, name);
      await writeFile(file, bytes);
      return file;
    },
    run: (line) =>
      new Promise((resolve, reject) => {
        const child = spawn('openssl', line.split(' '), { cwd: path, stdio: ['ignore', 'pipe', 'pipe'] });
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, text }));
      }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
