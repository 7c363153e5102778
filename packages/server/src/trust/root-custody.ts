import { createPrivateKey } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { allowsAuthorities, reissueRoot } from './authority.ts';
import { authorityContext, ROOT_ID } from './certificate-authorities.ts';
import type { CertificateAuthorities } from './certificate-authorities.ts';
import { readKeyFile, writeKeyFile } from './key-file.ts';
import { softwareKey } from './keys/software-key.ts';
import { REVOCATION_REASONS } from './revocation-list.ts';
import type { createRevocation } from './revocation.ts';
import * as revocations from './revocation-store.ts';
import * as store from './store.ts';
import type { AuthorityRow } from './store.ts';

/** The root's key as an operator brings it for one deed: the file that `exportRoot` wrote. It is not kept. */
export type RootFile = { pem: string; passphrase: string };

type Options = {
  db: Database;
  clock: Clock;
  vault: Pick<Vault, 'seal' | 'open'>;
  authorities: CertificateAuthorities;
  revocation: Pick<ReturnType<typeof createRevocation>, 'renewList'>;
};

/** The operator's own chain of the audit. */
const OPERATORS_APP = '*';

/**
 * Where the root's private key is: in the service, or out of it. Each deed locks the root's row and stands in the audit.
 *
 * @throws DomainError `root_key_absent`, `root_key_present`, `root_too_old`, `key_file_invalid`, `passphrase_weak`
 */
export function createRootCustody({ db, clock, vault, authorities, revocation }: Options) {
  async function withRoot<T>(
    command: { actor: string; action: string; detail?: Record<string, unknown> },
    work: (tx: Transaction, root: AuthorityRow) => Promise<T>,
  ): Promise<T> {
    await authorities.root(db);
    return db.transaction().execute(async (tx) => {
      const root = await revocations.lockAuthority(tx, ROOT_ID);
      if (!root) throw new DomainError('certificate_authority_missing');
      const result = await work(tx, root);
      const { actor, action, detail = {} } = command;
      const subject = `certificate_authority:${ROOT_ID}`;
      await appendAudit(tx, { appId: OPERATORS_APP, actor, action, subject, detail, at: clock.now() });
      return result;
    });
  }

  function sealedKey(root: AuthorityRow): Buffer {
    if (root.private_key_sealed === null) throw new DomainError('root_key_absent');
    return vault.open(root.private_key_sealed, authorityContext(ROOT_ID));
  }

  /** The root with its key in place, from the service or from the operator's file. */
  function withKey(root: AuthorityRow, file: RootFile | undefined): AuthorityRow {
    if (file === undefined) {
      sealedKey(root);
      return root;
    }
    const key = readKeyFile(file.pem, file.passphrase, root.certificate).export({ type: 'pkcs8', format: 'der' });
    return { ...root, private_key_sealed: vault.seal(key, authorityContext(ROOT_ID)) };
  }

  return {
    /** The root's certificate and key for a safe. The service keeps its own until `takeOutRoot`. */
    exportRoot: (command: { passphrase: string; actor: string }): Promise<{ pem: string }> =>
      withRoot({ actor: command.actor, action: 'root.export' }, async (_tx, root) => {
        const privateKey = createPrivateKey({ key: sealedKey(root), format: 'der', type: 'pkcs8' });
        return { pem: writeKeyFile(root.certificate, privateKey, command.passphrase) };
      }),

    /**
     * Erases the root's key from the service, once the file in the operator's hands has shown that it opens. The issuing
     * authority goes on alone; the root's list is signed anew before, to last.
     */
    takeOutRoot: (command: RootFile & { actor: string }): Promise<void> =>
      withRoot({ actor: command.actor, action: 'root.take_out' }, async (tx, root) => {
        if (root.private_key_sealed === null) throw new DomainError('root_key_absent');
        if (!allowsAuthorities(root.certificate)) throw new DomainError('root_too_old');
        readKeyFile(command.pem, command.passphrase, root.certificate);
        await authorities.issuer(tx);
        await revocation.renewList(tx, root);
        await store.putAuthorityKey(tx, ROOT_ID, null);
        authorities.forget(root);
      }),

    bringBackRoot: (command: RootFile & { actor: string }): Promise<void> =>
      withRoot({ actor: command.actor, action: 'root.bring_back' }, async (tx, root) => {
        if (root.private_key_sealed !== null) throw new DomainError('root_key_present');
        await store.putAuthorityKey(tx, ROOT_ID, withKey(root, command).private_key_sealed);
      }),

    /**
     * Makes the next issuing authority, which issues from now on; the one before still signs its lists. Where its key may
     * have been lost it is revoked, and what it issued is replaced at the next signatures.
     */
    renewIssuing: (command: {
      rootFile?: RootFile;
      revoke?: 'key_compromise' | 'superseded';
      actor: string;
    }): Promise<{ authorityId: string }> => {
      const { actor, revoke, rootFile } = command;
      const detail = revoke === undefined ? {} : { revoke };
      return withRoot({ actor, action: 'issuing.renew', detail }, async (tx, root) => {
        const keyed = withKey(root, rootFile);
        if (!allowsAuthorities(root.certificate)) throw new DomainError('root_too_old');
        const before = await store.findIssuingAuthority(tx);
        const made = await authorities.renewIssuing(tx, keyed);
        if (before && revoke !== undefined) {
          await store.revokeAuthority(tx, before.authority_id, clock.now(), REVOCATION_REASONS[revoke]);
        }
        await revocation.renewList(tx, keyed);
        if (root.private_key_sealed === null) authorities.forget(root);
        return { authorityId: made.authority_id };
      });
    },

    /** Signs the root's list anew: once a year at the latest where its key is out. */
    renewRootList: (command: { rootFile?: RootFile; actor: string }): Promise<{ nextUpdate: Date }> =>
      withRoot({ actor: command.actor, action: 'root.list' }, async (tx, root) => {
        const { nextUpdate } = await revocation.renewList(tx, withKey(root, command.rootFile));
        if (root.private_key_sealed === null) authorities.forget(root);
        return { nextUpdate };
      }),

    /**
     * Gives a root that was made before there were issuing authorities a certificate that allows them, of the same name
     * and key: what it signed stays good under either. Who trusts the old one must be given the new one.
     */
    renewRoot: (command: { actor: string }): Promise<void> =>
      withRoot({ actor: command.actor, action: 'root.renew' }, async (tx, root) => {
        const key = softwareKey(createPrivateKey({ key: sealedKey(root), format: 'der', type: 'pkcs8' }));
        const made = await reissueRoot({ certificate: root.certificate, key }, clock.now());
        await store.replaceRootCertificate(tx, made);
        await store.supersedeCertificatesOf(tx, ROOT_ID, clock.now());
        await authorities.issuer(tx);
      }),
  };
}
