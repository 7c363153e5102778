import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { DomainError } from '../errors.ts';

/** The operating-system user the server runs as when this process may not run it itself (PostgreSQL refuses root). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Used in this order when root owns the data directory too. Neither is created by us. */
const UNPRIVILEGED_NAMES = ['postgres', 'nobody'];

/** The accounts of passwd(5) text; lines that are not accounts are skipped. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}

/**
 * Whom root lets the server run as: the first of `ownerUids` (who owns the cluster, who owns the data directory) that
 * is an account other than root, else `postgres`, else `nobody`. An owner without an account cannot be used: initdb
 * looks its name up.
 */
export function unprivilegedAccount(ownerUids: readonly number[], accounts: readonly Account[]): Account | undefined {
  const owners = ownerUids.map((uid) => accounts.find((account) => account.uid === uid));
  const named = UNPRIVILEGED_NAMES.map((name) => accounts.find((account) => account.name === name));
  return [...owners, ...named].find((account) => account !== undefined && account.uid !== 0);
}

/**
 * The account for a data directory, or undefined when this process is not root and so runs the server as itself.
 *
 * @param paths the cluster's folder (may be missing) and the data directory, the more telling owner first
 * @throws DomainError `database_account_missing`
 */
export async function accountFor(paths: readonly string[]): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owners = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  const account = unprivilegedAccount(
    owners.flatMap((owner) => (owner === undefined ? [] : [owner.uid])),
    parsePasswd(await readFile('/etc/passwd', 'utf8')),
  );
  if (account === undefined) {
    throw new DomainError('database_account_missing', {
      reason:
        'PostgreSQL does not run as root, and /etc/passwd has no owner of the data directory, no "postgres" and no "nobody". ' +
        'Start as an ordinary user, or set DATABASE_URL.',
    });
  }
  return account;
}

/** Whether the account may pass through the folder, by its permission bits. */
function mayEnter(folder: { mode: number; uid: number; gid: number }, account: Account): boolean {
  const shift = folder.uid === account.uid ? 6 : folder.gid === account.gid ? 3 : 0;
  return ((folder.mode >> shift) & 0o1) === 1;
}

/** Whether the account may reach what stands in `folder`: every folder from the root down lets it pass. */
export async function canReach(folder: string, account: Account): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (!mayEnter(await stat(path), account)) return false;
    if (path === dirname(path)) return true;
  }
}
