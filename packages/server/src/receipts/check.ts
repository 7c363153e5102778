import { DomainError } from '../platform/errors.ts';
import { fenOfFigures, fenOfWords } from './amount.ts';
import type { ReceiptErrorCode, ReceiptFacts, ReceiptField } from './terms.ts';

/**
 * Whether a receipt can be issued: its amounts agree, it is of some day, and each character can be printed.
 *
 * @param missing the characters of a text that the font has not
 * @throws DomainError `receipt_invalid` at the first fault
 */
export function checkReceipt(facts: ReceiptFacts, missing: (text: string) => string): void {
  for (const field of Object.keys(facts) as ReceiptField[]) {
    const characters = missing(facts[field]);
    if (characters !== '') throw invalid(field, 'characters_missing', characters);
  }
  const figures = fenOfFigures(facts.amountInFigures);
  if (figures === undefined) throw invalid('amountInFigures', 'not_an_amount');
  const words = fenOfWords(facts.amountInWords);
  if (words === undefined) throw invalid('amountInWords', 'no_amount_in_words');
  if (words !== figures) throw invalid('amountInWords', 'amounts_differ');
  if (figures === 0) throw invalid('amountInFigures', 'zero_amount');
  if (!isDate(facts)) throw invalid('issueDay', 'not_a_date');
}

function isDate({ issueYear, issueMonth, issueDay }: ReceiptFacts): boolean {
  // There was no year 0: after 1 before comes 1 after.
  const form = /^(?!0000)\d{4}$/.test(issueYear) && /^\d{1,2}$/.test(issueMonth) && /^\d{1,2}$/.test(issueDay);
  const iso = `${issueYear}-${issueMonth.padStart(2, '0')}-${issueDay.padStart(2, '0')}`;
  const day = new Date(`${iso}T00:00:00Z`);
  // A date that rolls over, such as 30 February, does not come out as it went in.
  return form && !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === iso;
}

function invalid(field: ReceiptField, reason: string, characters = ''): DomainError<ReceiptErrorCode> {
  return new DomainError('receipt_invalid', { field, reason, characters });
}
