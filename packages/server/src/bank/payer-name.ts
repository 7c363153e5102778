/**
 * How the name of a payer is compared with a company's (contracts/tsign-identity.md, "Matching a bank transaction", 4).
 * Only sameness after folding passes by itself; what merely looks alike is for a person to judge.
 */

const OPENING = /[([{<〔【〈《「『〖]/g;
const CLOSING = /[)\]}>〕】〉》」』〗]/g;
/** White space, and the characters of no width that come with texts copied from a web page. */
const SPACE = /[\s\u180e\u200b-\u200d\u2060]+/g;

/** NFKC, every kind of bracket as `(` and `)`, no white space. Full-width forms are folded by NFKC. */
export function foldName(name: string): string {
  return name.normalize('NFKC').replace(OPENING, '(').replace(CLOSING, ')').replace(SPACE, '');
}

export type PayerComparison =
  | { kind: 'same' }
  /** A natural person, or an account of a bank or payment company through which money of others passes. */
  | { kind: 'not_own_account' }
  | { kind: 'near'; reason: string }
  | { kind: 'other' };

/** No company's own account is called so, whatever else stands in the name. */
const PASSING_THROUGH = /待清算|备付金|待报解|待结算|待划转|过渡(?:户|资金|账户)|内部(?:户|账户)|暂收|挂账/;
/** Words of such accounts that may also stand in a company's name: a payer that is the company itself is not asked. */
const PERHAPS_PASSING_THROUGH = /清算|在途资金/;

const CONTAINED_CHARACTERS_MIN = 4;

/** Compares who paid with who should have. */
export function comparePayer(payerName: string, companyName: string): PayerComparison {
  const payer = foldName(payerName);
  const company = foldName(companyName);
  if (payer === '') return { kind: 'near', reason: 'payer_name_missing' };
  if (PASSING_THROUGH.test(payer)) return { kind: 'not_own_account' };
  // A person may have told the own name as a company's, and pay from the own account; a sole trader has it rightly.
  if (payer === company)
    return isPersonName(payer) ? { kind: 'near', reason: 'payer_may_be_a_person' } : { kind: 'same' };
  if (PERHAPS_PASSING_THROUGH.test(payer)) return { kind: 'not_own_account' };
  // Four ideographs may be a person, or the beginning of the company's own name.
  const mayBeCut = payer.length >= CONTAINED_CHARACTERS_MIN && company.startsWith(payer);
  if (isPersonName(payer) && !mayBeCut) return { kind: 'not_own_account' };
  const reason = likeness(payer, company);
  return reason === undefined ? { kind: 'other' } : { kind: 'near', reason };
}

/** Endings and words by which two to four ideographs are an organisation and no person. */
const ORGANISATION = /公司|集团|中心|大学|[厂店行社院所部会馆校局站场吧坊室队处]$/;
const HAN_NAME = /^\p{Script=Han}{2,4}$/u;
/** 阿卜杜拉·买买提: names of several parts, with a middle dot. */
const DOTTED_NAME = /^[\p{Script=Han}]{1,15}(?:[·•・.][\p{Script=Han}]{1,15}){1,4}$/u;

/** Whether a folded name reads as a natural person's: two to four ideographs, or parts joined by middle dots. */
function isPersonName(folded: string): boolean {
  if (ORGANISATION.test(folded)) return false;
  return HAN_NAME.test(folded) || DOTTED_NAME.test(folded);
}

/**
 * A payer's name for lists and records: who pays by mistake may be a person, and of such a name the first character
 * stands. An organisation's name stands whole.
 *
 * @example maskedPayerName('王小明') // '王**'
 */
export function maskedPayerName(payerName: string): string {
  if (!isPersonName(foldName(payerName))) return payerName;
  const [first = '', ...others] = Array.from(payerName);
  return first + '*'.repeat(others.length);
}

/** Parts of a name that say the legal form or that it is a branch, the longer ones first. */
const FORMS = /股份有限公司|有限责任公司|有限公司|总公司|分公司|子公司|公司|分行|支行|分部/g;
const STEM_CHARACTERS_MIN = 2;

/** Why two different folded names look alike, or undefined where they do not. */
function likeness(payer: string, company: string): string | undefined {
  const bare = (name: string): string => name.replaceAll(/[()\p{P}]/gu, '').toLowerCase();
  if (bare(payer) === bare(company)) return 'differs_in_punctuation_or_case';
  const stems = [stemOf(payer), stemOf(company)] as const;
  const hasStems = stems.every((stem) => stem.length >= STEM_CHARACTERS_MIN);
  if (hasStems && stems[0] === stems[1]) return 'differs_in_legal_form';
  if (isContained(payer, company)) return payer.length < company.length ? 'payer_name_is_part' : 'company_name_is_part';
  if (editDistanceAtMostOne(Array.from(payer), Array.from(company))) return 'differs_in_one_character';
  return undefined;

  function stemOf(name: string): string {
    return bare(name).replaceAll(FORMS, '');
  }
}

/** One is part of the other, and the shorter is more than a word that stands in every company's name. */
function isContained(a: string, b: string): boolean {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  if (shorter.length < CONTAINED_CHARACTERS_MIN || !longer.includes(shorter)) return false;
  return shorter.replaceAll(FORMS, '').length >= STEM_CHARACTERS_MIN;
}

/** Whether one insertion, deletion or replacement at most makes one list of characters the other. */
export function editDistanceAtMostOne(a: readonly string[], b: readonly string[]): boolean {
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a];
  if (longer.length - shorter.length > 1) return false;
  let start = 0;
  while (start < shorter.length && shorter[start] === longer[start]) start += 1;
  let end = 0;
  while (end < shorter.length - start && shorter.at(-1 - end) === longer.at(-1 - end)) end += 1;
  return longer.length - start - end <= 1;
}
