import { isDomainError } from '../platform/errors.ts';

/**
 * Why a signature cannot be made. All but the last need somebody to act, and are the codes of the errors that say so:
 * - the company's certificate: `certificate_expired`, `certificate_not_imported`
 * - its key: `key_file_missing`, `pkcs12_invalid`, `key_mismatch`, `pkcs11_failed`, `certificate_key_erased`
 * - its seal: `seal_not_reviewed`, `seal_rejected`, `seal_not_found`, `seal_character_missing`
 * - the built-in authority: `root_key_absent`, its issuing authority has ended
 * - the file: `document_refused` (with further signatures it passes a limit), `sign_field_invalid` (the seal does not fit
 *   its place), `stored_file_missing`, `stored_file_damaged`
 * - `unexpected`: anything else, which may pass by itself
 */
export const STALL_REASONS = [
  'certificate_expired',
  'certificate_not_imported',
  'key_file_missing',
  'pkcs12_invalid',
  'key_mismatch',
  'pkcs11_failed',
  'certificate_key_erased',
  'seal_not_reviewed',
  'seal_rejected',
  'seal_not_found',
  'seal_character_missing',
  'root_key_absent',
  'document_refused',
  'sign_field_invalid',
  'stored_file_missing',
  'stored_file_damaged',
  'unexpected',
] as const;

export type StallReason = (typeof STALL_REASONS)[number];

/** Attempts that must have failed before a reason that may pass by itself is shown to anybody. */
export const UNEXPECTED_SHOWN_AFTER = 3;

/** Errors with another name than their reason. */
const OTHER_NAMES: Readonly<Record<string, StallReason>> = {
  pkcs11_reference_invalid: 'pkcs11_failed',
  key_file_invalid: 'key_file_missing',
  too_large: 'document_refused',
  too_complex: 'document_refused',
  too_many_pages: 'document_refused',
  damaged: 'document_refused',
  certified: 'document_refused',
  form_undrawn: 'document_refused',
};

/** They cost the reading of a file, and seldom end by themselves. */
const OF_THE_FILE: ReadonlySet<StallReason> = new Set([
  'document_refused',
  'sign_field_invalid',
  'stored_file_missing',
  'stored_file_damaged',
]);

const DETAIL_CHARACTERS_MAX = 300;
const OF_THE_FILE_RETRY_MS = 10 * 60_000;
const UNEXPECTED_RETRY_MS = 5 * 60_000;
/** Less than the time between two sweeps: each of them tries one flow of the company. */
const OF_THE_COMPANY_RETRY_MS = 20_000;

/** What an error of an attempt to sign says to who runs the service. */
export function stallOf(error: unknown): { reason: StallReason; detail: string } {
  if (!isDomainError(error)) {
    const detail = error instanceof Error ? error.message : String(error);
    return { reason: 'unexpected', detail: shortened(detail) };
  }
  const { code, params } = error;
  const known = STALL_REASONS.find((reason) => reason === code);
  const reason = known ?? (Object.hasOwn(OTHER_NAMES, code) ? OTHER_NAMES[code] : undefined) ?? 'unexpected';
  const words = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return { reason, detail: shortened([...(reason === code ? [] : [code]), ...words].join(', ')) };
}

/** How long it is left alone after an attempt. */
export function stallRetryMs(reason: StallReason): number {
  if (reason === 'unexpected') return UNEXPECTED_RETRY_MS;
  return OF_THE_FILE.has(reason) ? OF_THE_FILE_RETRY_MS : OF_THE_COMPANY_RETRY_MS;
}

/** Whether what ends it for one flow of a company ends it for the others too. */
export function isOfCompany(reason: StallReason): boolean {
  return reason !== 'unexpected' && !OF_THE_FILE.has(reason);
}

function shortened(text: string): string {
  const characters = Array.from(text);
  return characters.length > DETAIL_CHARACTERS_MAX ? `${characters.slice(0, DETAIL_CHARACTERS_MAX).join('')}…` : text;
}
