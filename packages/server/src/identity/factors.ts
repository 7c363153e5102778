import { isSocialCreditCode } from '../parties/index.ts';
import { isRegistrationNumber } from './registration-number.ts';
import { residentIdFault } from './resident-id.ts';
import type { LegalRepDocument } from './terms.ts';

/** What is compared. Three factors have no document; two have no legal representative either. */
export interface Factors {
  readonly orgName: string;
  readonly orgCode: string;
  readonly legalRepName: string | null;
  readonly legalRep: LegalRepDocument | null;
}

export type FactorField = 'orgName' | 'orgCode' | 'legalRepName' | 'legalRepIdNo';

export interface FactorFault {
  readonly field: FactorField;
  readonly reason: 'required' | 'spaces' | 'format' | 'check_digit' | 'mismatch';
}

/** A company of the imported register. */
export interface RegisteredCompany {
  readonly orgName: string;
  readonly legalRepName: string | null;
  /** Whether the number given is the registered one; null where the register has none. */
  readonly legalRepIdMatches: boolean | null;
  /** Struck off, revoked or moved away. */
  readonly isClosed: boolean;
}

const NAME_CHARACTERS_MAX = 100;
const PERSON_CHARACTERS_MAX = 50;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** Spaces around a text, several in a row, or beside an ideograph. Single ones stand in foreigners' names. */
const STRAY_SPACE = /^\s|\s$|\s\s|(?:\p{Script=Han}\s)|(?:\s\p{Script=Han})/u;
/** Travel permits and passports: letters and digits. */
const DOCUMENT_NUMBER = /^[A-Z0-9]{5,20}$/i;

/** The same name written by another hand: full-width forms, brackets and spaces do not count, everything else does. */
export function foldName(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[〔【［[]/gu, '(')
    .replaceAll(/[〕】］\]]/gu, ')')
    .replaceAll(/\s+/gu, '')
    .toUpperCase();
}

/** What is wrong with the factors as they are written, before anybody is asked. Pure. */
export function formFault(factors: Factors): FactorFault | undefined {
  const { orgName, orgCode, legalRepName, legalRep } = factors;
  return (
    nameFault('orgName', orgName, NAME_CHARACTERS_MAX) ??
    codeFault(orgCode) ??
    (legalRepName === null ? undefined : nameFault('legalRepName', legalRepName, PERSON_CHARACTERS_MAX)) ??
    (legalRep === null ? undefined : documentFault(legalRep))
  );
}

/** Where the factors contradict what the register says of this orgCode. Pure. */
export function registerFault(factors: Factors, registered: RegisteredCompany): FactorFault | undefined {
  if (registered.isClosed) return { field: 'orgCode', reason: 'mismatch' };
  if (foldName(factors.orgName) !== foldName(registered.orgName)) return { field: 'orgName', reason: 'mismatch' };
  const { legalRepName } = factors;
  if (
    legalRepName !== null &&
    registered.legalRepName !== null &&
    foldName(legalRepName) !== foldName(registered.legalRepName)
  ) {
    return { field: 'legalRepName', reason: 'mismatch' };
  }
  if (factors.legalRep !== null && registered.legalRepIdMatches === false) {
    return { field: 'legalRepIdNo', reason: 'mismatch' };
  }
  return undefined;
}

function nameFault(field: FactorField, name: string, charactersMax: number): FactorFault | undefined {
  if (name.trim() === '') return { field, reason: 'required' };
  if (CONTROL_CHARACTER.test(name) || !name.isWellFormed()) return { field, reason: 'format' };
  // It would stand in the seal and the certificate: nothing in it may be unseen or turn the text around.
  if (/\p{Cf}/u.test(name) || !/\p{L}/u.test(name)) return { field, reason: 'format' };
  const characters = Array.from(name).length;
  if (characters > charactersMax) return { field, reason: 'format' };
  if (STRAY_SPACE.test(name)) return { field, reason: 'spaces' };
  return characters < 2 ? { field, reason: 'format' } : undefined;
}

function codeFault(orgCode: string): FactorFault | undefined {
  const field = 'orgCode';
  if (orgCode.trim() === '') return { field, reason: 'required' };
  if (/\s/u.test(orgCode)) return { field, reason: 'spaces' };
  if (/^\d{15}$/.test(orgCode)) return isRegistrationNumber(orgCode) ? undefined : { field, reason: 'check_digit' };
  if (!/^[0-9A-Z]{18}$/.test(orgCode)) return { field, reason: 'format' };
  return isSocialCreditCode(orgCode) ? undefined : { field, reason: 'check_digit' };
}

function documentFault({ idNo, certType }: LegalRepDocument): FactorFault | undefined {
  const field = 'legalRepIdNo';
  if (idNo.trim() === '') return { field, reason: 'required' };
  if (/\s/u.test(idNo)) return { field, reason: 'spaces' };
  if (certType !== 'INDIVIDUAL_CH_IDCARD') {
    return DOCUMENT_NUMBER.test(idNo) ? undefined : { field, reason: 'format' };
  }
  const fault = residentIdFault(idNo);
  return fault === undefined ? undefined : { field, reason: fault };
}
