import { createPrivateKey } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { allowsAuthorities, createIssuing, createRoot } from './authority.ts';
import type { Issuer } from './authority.ts';
import type { DistributionPoints } from './certificate-profile.ts';
import { readCertificate, serialNumberHex } from './certificate-reader.ts';
import type { KeyAlgorithm, SigningKey } from './keys/signing-key.ts';
import { generatePrivateKey, softwareKey } from './keys/software-key.ts';
import * as store from './store.ts';
import type { AuthorityRow } from './store.ts';

/** An authority that can sign now. `points` say where its own certificate, list and status service are found. */
export type ActiveAuthority = Issuer & {
  authorityId: string;
  points: DistributionPoints | undefined;
  /** Its own certificate and those above it, DER. */
  chain: readonly Buffer[];
};

export type CertificateAuthorities = {
  /** The root's row; made when it is not there yet. */
  root(executor: Executor): Promise<AuthorityRow>;
  /** Who issues certificates now: the issuing authority, made or renewed where the root's key is at hand. */
  issuer(executor: Executor): Promise<ActiveAuthority>;
  /** The next issuing authority, in place of the one there is. */
  renewIssuing(executor: Executor, root: AuthorityRow): Promise<AuthorityRow>;
  /** Drops an opened key from memory. */
  forget(row: AuthorityRow): void;
  /** @throws DomainError `root_key_absent` where the private key was taken out */
  activate(row: AuthorityRow, above?: readonly Buffer[]): ActiveAuthority;
};

type Options = {
  vault: Pick<Vault, 'seal' | 'open'>;
  clock: Clock;
  keyAlgorithm: KeyAlgorithm;
  /** Where validators reach `/pki/`; an empty one leaves these addresses out of certificates. */
  pkiUrl: () => string;
  /** An issuing authority this near its end is renewed: what it issues shall not be cut short by it. */
  renewBeforeMs: number;
};

export const ROOT_ID = 'built-in';

/** The built-in root and the issuing authorities below it, kept in the database so that all nodes have the same. */
export function createCertificateAuthorities(options: Options): CertificateAuthorities {
  const { vault, clock, keyAlgorithm, pkiUrl, renewBeforeMs } = options;
  /** By serial number: a root made in a transaction that was rolled back has another. */
  const keys = new Map<string, SigningKey>();

  async function root(executor: Executor): Promise<AuthorityRow> {
    const known = await store.findAuthority(executor, ROOT_ID);
    if (known) return known;
    const now = clock.now();
    const privateKey = await generatePrivateKey(keyAlgorithm);
    const made = await createRoot(softwareKey(privateKey), now);
    await store.insertAuthorityOnce(executor, {
      authority_id: ROOT_ID,
      key_algorithm: keyAlgorithm,
      certificate: made.certificate,
      private_key_sealed: vault.seal(privateKey.export({ type: 'pkcs8', format: 'der' }), authorityContext(ROOT_ID)),
      not_after: made.notAfter,
      created_at: now,
      issuer_id: null,
    });
    // Another node may have been first: the row that is there is the one that counts.
    return present(await store.findAuthority(executor, ROOT_ID));
  }

  async function makeIssuing(executor: Executor, rootRow: AuthorityRow): Promise<AuthorityRow> {
    const now = clock.now();
    const issuer = activate(rootRow);
    const privateKey = await generatePrivateKey(keyAlgorithm);
    const { publicKey } = softwareKey(privateKey);
    const made = await createIssuing(issuer, { publicKey, now, points: issuer.points });
    const authorityId = `issuing-${made.serialNumber.slice(0, 16)}`;
    await store.insertAuthorityOnce(executor, {
      authority_id: authorityId,
      key_algorithm: keyAlgorithm,
      certificate: made.certificate,
      private_key_sealed: vault.seal(
        privateKey.export({ type: 'pkcs8', format: 'der' }),
        authorityContext(authorityId),
      ),
      not_after: made.notAfter,
      created_at: now,
      issuer_id: rootRow.authority_id,
    });
    return present(await store.findIssuingAuthority(executor));
  }

  async function issuer(executor: Executor): Promise<ActiveAuthority> {
    const now = clock.now();
    const known = await store.findIssuingAuthority(executor);
    const endsIn = (known?.not_after.getTime() ?? 0) - now.getTime();
    const rootRow = await root(executor);
    const above = [rootRow.certificate];
    if (known && endsIn > renewBeforeMs) return activate(known, above);
    if (rootRow.private_key_sealed === null) {
      // The certificates it issues are the shorter; the operator is told to renew it with the root's key.
      if (known && endsIn > 0) return activate(known, above);
      throw new DomainError('root_key_absent');
    }
    // A root made before there were issuing authorities goes on issuing itself until an operator renews it.
    if (!allowsAuthorities(rootRow.certificate)) return activate(rootRow);
    return activate(await makeNext(executor, rootRow, known), above);
  }

  /** Of two nodes that find the same one too old, the second takes what the first made. */
  async function makeNext(
    executor: Executor,
    rootRow: AuthorityRow,
    known: AuthorityRow | undefined,
  ): Promise<AuthorityRow> {
    if (known) await store.supersedeAuthority(executor, known.authority_id, clock.now());
    return makeIssuing(executor, rootRow);
  }

  function activate(row: AuthorityRow, above: readonly Buffer[] = []): ActiveAuthority {
    if (row.private_key_sealed === null) throw new DomainError('root_key_absent');
    const serial = serialOf(row);
    let key = keys.get(serial);
    if (key === undefined) {
      const bytes = vault.open(row.private_key_sealed, authorityContext(row.authority_id));
      key = softwareKey(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }));
      keys.set(serial, key);
    }
    const { authority_id: authorityId, certificate } = row;
    return { authorityId, certificate, key, points: pointsOf(pkiUrl(), row), chain: [certificate, ...above] };
  }

  return {
    root,
    issuer,
    activate,
    renewIssuing: async (executor, rootRow) => makeNext(executor, rootRow, await store.findIssuingAuthority(executor)),
    forget: (row) => void keys.delete(serialOf(row)),
  };
}

function serialOf({ certificate }: AuthorityRow): string {
  return serialNumberHex(readCertificate(certificate).serialNumber);
}

/** The root answers no OCSP: where its key is away, nobody could sign a responder's certificate. */
function pointsOf(pkiUrl: string, row: AuthorityRow): DistributionPoints | undefined {
  if (pkiUrl === '') return undefined;
  const base = `${pkiUrl}/pki/${row.authority_id}`;
  return {
    certificateUrl: `${base}.cer`,
    listUrl: `${base}.crl`,
    ...(row.issuer_id !== null && { statusUrl: `${pkiUrl}/pki/ocsp` }),
  };
}

function present(row: AuthorityRow | undefined): AuthorityRow {
  if (!row) throw new DomainError('certificate_authority_missing');
  return row;
}

export function authorityContext(authorityId: string): string {
  return `certificate_authority/${authorityId}`;
}
