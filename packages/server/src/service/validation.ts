import { X509Certificate } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { DomainError } from '../platform/errors.ts';
import type { Trust } from '../trust/index.ts';
import { createValidation, readTrustRoots } from '../validation/index.ts';
import type { Validation, ValidationReport } from '../validation/index.ts';

/**
 * Validation as the service does it: the built-in authority's roots are trusted and its revocation lists known, and so are
 * the roots that the operator named.
 *
 * @throws DomainError `trust_roots_unreadable`
 */
export async function createServiceValidation(
  config: Pick<Config, 'trustRoots'>,
  { trust, clock }: { trust: Pick<Trust, 'authorities' | 'revocation'>; clock: Clock },
): Promise<Validation> {
  const named = config.trustRoots === null ? [] : await readTrustRoots(config.trustRoots);
  return createValidation({
    clock,
    async anchors() {
      const authorities = await trust.authorities();
      const roots = authorities.filter(({ certificate }) => isRoot(certificate));
      return [
        ...roots.map(({ certificate }) => ({ der: certificate, source: 'built_in' as const })),
        ...named.map((der) => ({ der, source: 'operator' as const })),
      ];
    },
    async crls() {
      const authorities = await trust.authorities();
      const lists = authorities.map(({ authority_id: id }) => trust.revocation.publishedList(id));
      return (await Promise.all(lists)).flatMap((published) => published?.list ?? []);
    },
  });
}

function isRoot(der: Buffer): boolean {
  const certificate = new X509Certificate(der);
  return certificate.issuer === certificate.subject;
}

/** What can be said of a document of our own; null where validation refuses it or has no time for it now. */
export async function validationOf(validation: Validation, pdf: Buffer): Promise<ValidationReport | null> {
  try {
    return await validation.validate(Uint8Array.from(pdf));
  } catch (error) {
    if (error instanceof DomainError) return null;
    throw error;
  }
}
