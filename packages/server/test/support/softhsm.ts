import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** The module of SoftHSM where it is installed; tests that need it are skipped where it is not. */
export const softhsmModule = MODULES.find((path) => existsSync(path)) ?? null;

export const SOFTHSM_PIN = '271828';

/**
 * A token of this test alone. SoftHSM reads the place of its tokens from the environment, once for a process, so one is
 * all that a test file can have.
 */
export async function startToken(label: string): Promise<{
  /** A private key in PEM, PKCS#8; `id` in hex. */
  importKey(pem: string, key: { label: string; id: string }): Promise<void>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-softhsm-'));
  const configuration = join(folder, 'softhsm2.conf');
  await mkdir(join(folder, 'tokens'));
  await writeFile(configuration, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`);
  process.env['SOFTHSM2_CONF'] = configuration;
  const util = async (...args: string[]): Promise<unknown> => run('softhsm2-util', args, { env: process.env });
  await util('--init-token', '--free', '--label', label, '--pin', SOFTHSM_PIN, '--so-pin', '314159');
  return {
    async importKey(pem, { label: keyLabel, id }) {
      const file = join(folder, 'key.pem');
      await writeFile(file, pem);
      await util('--import', file, '--token', label, '--label', keyLabel, '--id', id, '--pin', SOFTHSM_PIN);
      await rm(file);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
