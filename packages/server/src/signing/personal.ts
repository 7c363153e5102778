import { createHmac } from 'node:crypto';
import type { Vault } from '../platform/vault.ts';

/** What is sealed of an individual. */
type PersonalColumn = 'id_number' | 'mobile';

/** Seals an ID number or a mobile for the one signer and column that it belongs to. */
export function sealPersonal(vault: Vault, signerId: string, column: PersonalColumn, text: string): Buffer {
  return vault.seal(Buffer.from(text, 'utf8'), contextOf(signerId, column));
}

/** What `sealPersonal` sealed. */
export function openPersonal(vault: Vault, signerId: string, column: PersonalColumn, sealed: Buffer): string {
  return vault.open(sealed, contextOf(signerId, column)).toString('utf8');
}

/** What is sealed of somebody who gets a copy. */
type CopyPart = 'name' | 'mobile' | 'email';

/** Seals what is known of somebody who gets a copy, for the one copy and column that it belongs to. */
export function sealCopyPart(vault: Vault, copyId: string, part: CopyPart, text: string): Buffer {
  return vault.seal(Buffer.from(text, 'utf8'), `sign_copy:${copyId}:${part}`);
}

/** What `sealCopyPart` sealed. */
export function openCopyPart(vault: Vault, copyId: string, part: CopyPart, sealed: Buffer): string {
  return vault.open(sealed, `sign_copy:${copyId}:${part}`).toString('utf8');
}

/** Finds a person by their mobile or ID number. The same text in two applications is found by two hashes. */
export function personLookupHash(vault: Pick<Vault, 'deriveKey'>, appId: string, text: string): Buffer {
  const key = vault.deriveKey('person-lookup');
  return createHmac('sha256', key).update(`${appId} ${text.toUpperCase()}`).digest();
}

/**
 * One person, one key: whoever has this ID number, within one application. The number itself is not to be had from it.
 */
export function personKeyOf(vault: Pick<Vault, 'deriveKey'>, idNumber: string): string {
  const hashed = createHmac('sha256', vault.deriveKey('person-key')).update(idNumber.toUpperCase()).digest('hex');
  return `person:${hashed.slice(0, 32)}`;
}

function contextOf(signerId: string, column: PersonalColumn): string {
  return `sign_signer:${signerId}:${column}`;
}
