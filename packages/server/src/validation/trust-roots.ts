import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../platform/errors.ts';
import { readCertificates } from './certificate.ts';

const ROOT_FILES_MAX = 1_000;
const ROOT_BYTES_MAX = 4 * 1024 * 1024;
const ROOT_FILE = /\.(?:pem|crt|cer|der)$/i;

/**
 * Roots to trust, from a file or from a folder of them: PEM, several in one file, or DER.
 *
 * @returns DER
 * @throws DomainError `trust_roots_unreadable`
 */
export async function readTrustRoots(path: string): Promise<Buffer[]> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const files = isFolder
      ? (await readdir(path)).filter((name) => ROOT_FILE.test(name)).map((name) => join(path, name))
      : [path];
    if (files.length > ROOT_FILES_MAX) throw new RangeError(`more than ${ROOT_FILES_MAX} files`);
    const roots: Buffer[] = [];
    for (const file of files.sort()) roots.push(...(await readRoots(file)));
    return roots;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new DomainError('trust_roots_unreadable', { path, reason }, { cause });
  }
}

async function readRoots(file: string): Promise<Buffer[]> {
  if ((await stat(file)).size > ROOT_BYTES_MAX) throw new RangeError(`${file} is too large`);
  try {
    return readCertificates(await readFile(file)).map(({ der }) => der);
  } catch (cause) {
    throw new RangeError(`${file} holds no certificate`, { cause });
  }
}
