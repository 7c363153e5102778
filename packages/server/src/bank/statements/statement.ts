/** A movement as a statement tells it. To which of the channel's numbers it went is for the channel to say. */
export interface StatementEntry {
  bizFlowNo: string;
  amountFen: number;
  currency: string;
  creditDebit: 'credit' | 'debit';
  booked: boolean;
  reversal: boolean;
  payerName: string;
  payerAccountNo: string | null;
  payerBankName: string | null;
  tradedAt: Date;
  dateOnly: boolean;
  remittance: string | null;
  /** Accounts that may be the receiving number, the likeliest first. */
  accounts: readonly string[];
  /** Further references under which a reversal may name what it takes back. */
  otherReferences: readonly string[];
}

export type StatementItem =
  | { kind: 'entry'; line: number; raw: string; entry: StatementEntry }
  /** A line that cannot be read; those after it can. */
  | { kind: 'fault'; line: number; reason: string };

/**
 * Reads one statement from its decoded text. It holds no more than one entry and a piece of text, however long the file
 * is. The pieces may be cut anywhere.
 */
export interface StatementReader {
  /** @throws StatementError */
  push(text: string): StatementItem[];
  /** What the end of the file completes. @throws StatementError where it ends too early */
  end(): StatementItem[];
}

/** The file as a whole cannot be read, or not beyond this point. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** An entry at most, in characters: what is longer is a fault and no reason to run out of memory. */
export const ENTRY_CHARACTERS_MAX = 256 * 1024;

/** Lengths beyond which a text from a file is no reference, account or name. */
export const REFERENCE_CHARACTERS_MAX = 128;
export const ACCOUNT_CHARACTERS_MAX = 64;
export const NAME_CHARACTERS_MAX = 300;
const REMITTANCE_CHARACTERS_MAX = 2_000;

type Draft = Omit<StatementEntry, 'remittance'> & { remittance: string };

/** Checks what every format has in common; answers the entry, or the reason why it is none. */
export function checkedEntry(draft: Draft): { entry: StatementEntry } | { fault: string } {
  const { bizFlowNo, payerName, payerAccountNo, payerBankName, currency } = draft;
  if (bizFlowNo === '') return { fault: 'reference_missing' };
  if (bizFlowNo.length > REFERENCE_CHARACTERS_MAX) return { fault: 'reference_too_long' };
  if (!/^[A-Z]{3}$/.test(currency)) return { fault: 'currency_not_understood' };
  const texts = [bizFlowNo, payerName, payerAccountNo ?? '', payerBankName ?? '', draft.remittance, ...draft.accounts];
  // U+FFFD stands where bytes were no text in the file's encoding; PostgreSQL keeps no U+0000.
  if (texts.some((text) => /[\ufffd\0]/.test(text))) return { fault: 'text_not_decodable' };
  if ((payerAccountNo ?? '').length > ACCOUNT_CHARACTERS_MAX) return { fault: 'account_too_long' };
  if (payerName.length > NAME_CHARACTERS_MAX || (payerBankName ?? '').length > NAME_CHARACTERS_MAX) {
    return { fault: 'name_too_long' };
  }
  const accounts = [...new Set(draft.accounts)].filter((no) => no !== '' && no.length <= ACCOUNT_CHARACTERS_MAX);
  const remittance = draft.remittance.slice(0, REMITTANCE_CHARACTERS_MAX);
  return { entry: { ...draft, accounts, remittance: remittance === '' ? null : remittance } };
}

/** An empty text is nothing said. */
export function textOrNull(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : trimmed;
}
