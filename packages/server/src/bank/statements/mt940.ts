import { parseAmount } from '../amount.ts';
import { LineSplitter, type Line } from './lines.ts';
import { informationOf } from './mt940-information.ts';
import { parseMoment } from './moment.ts';
import { checkedEntry, StatementError, textOrNull, type StatementItem, type StatementReader } from './statement.ts';

/** A field of the message: its tag and the lines it goes over. */
interface Field {
  tag: string;
  line: number;
  lines: string[];
  cut: boolean;
}

const TAG = /^:(\d{2}[A-Z]?):(.*)$/;
/** Continuation lines of a field at most; SWIFT knows six, banks write more. */
const FIELD_LINES_MAX = 200;

/** Reads MT940 statements and MT942 reports, one after the other. The line of an item is that of its `:61:`. */
export function createMt940Reader(): StatementReader {
  const splitter = new LineSplitter();
  const messages = new Messages();
  let field: Field | null = null;
  let items: StatementItem[] = [];

  const endField = (): void => {
    if (field !== null) items.push(...messages.field(field));
    field = null;
  };
  const take = (lines: readonly Line[]): StatementItem[] => {
    for (const line of lines) {
      const [, tag, rest = ''] = TAG.exec(line.text) ?? [];
      if (tag !== undefined) {
        endField();
        field = { tag, line: line.number, lines: [rest], cut: line.cut };
      } else if (/^(?:-\}?|\{|\}|$)/.test(line.text.trim())) {
        endField();
      } else if (field !== null) {
        if (field.lines.length < FIELD_LINES_MAX) field.lines.push(line.text);
        field.cut ||= line.cut || field.lines.length >= FIELD_LINES_MAX;
      } else if (line.number === 1) throw new StatementError('not_mt940');
    }
    const taken = items;
    items = [];
    return taken;
  };
  return {
    push: (text) => take(splitter.push(text)),
    end() {
      const taken = take(splitter.end());
      endField();
      const last = [...taken, ...items, ...messages.end()];
      items = [];
      if (!messages.found) throw new StatementError('not_mt940');
      return last;
    },
  };
}

/** The state between fields: of which account and currency the statement is, and the `:61:` that waits for its `:86:`. */
class Messages {
  /** Whether anything of a statement was there. */
  found = false;
  #account = '';
  #currency = '';
  #movement: Field | null = null;

  field(field: Field): StatementItem[] {
    const text = field.lines[0]?.trim() ?? '';
    if (field.tag === '86' && this.#movement !== null) return this.#endMovement(field);
    const items = this.#endMovement(null);
    if (field.tag === '20') {
      this.found = true;
      this.#account = '';
      this.#currency = '';
    }
    // `bank code/account` or the account alone, perhaps with the currency after it.
    if (field.tag === '25')
      this.#account =
        text
          .split('/')
          .at(-1)
          ?.replace(/[A-Z]{3}$/, '') ?? '';
    if (/^60[FM]$/.test(field.tag)) this.#currency = /^[CD]\d{6}([A-Z]{3})/.exec(text)?.[1] ?? '';
    if (field.tag === '34F' && this.#currency === '') this.#currency = text.slice(0, 3);
    if (field.tag === '61') {
      this.found = true;
      this.#movement = field;
    }
    return items;
  }

  end(): StatementItem[] {
    return this.#endMovement(null);
  }

  #endMovement(information: Field | null): StatementItem[] {
    const movement = this.#movement;
    this.#movement = null;
    if (movement === null) return [];
    const item = itemOf(movement, information, { account: this.#account, currency: this.#currency });
    return [item];
  }
}

/** Value date, entry date, mark, third letter of the currency, amount, type, references (SWIFT MT940, field 61). */
const MOVEMENT =
  /^(?<value>\d{6})(?<entry>\d{4})?(?<mark>R[CD]|E[CD]|[CD])(?<fund>[A-Z])?(?<amount>[\d.,]+)(?<type>[A-Z][A-Z0-9]{3})(?<customer>(?:(?!\/\/).)*)(?:\/\/(?<bank>.*))?$/;

function itemOf(movement: Field, information: Field | null, of: { account: string; currency: string }): StatementItem {
  const line = movement.line;
  const fault = (reason: string): StatementItem => ({ kind: 'fault', line, reason });
  if (movement.cut || information?.cut === true) return fault('entry_too_long');
  const found = MOVEMENT.exec(movement.lines[0]?.trim() ?? '')?.groups;
  if (found === undefined) return fault('field_61_not_understood');
  const amount = parseAmount(found['amount'] ?? '', 'swift');
  if ('fault' in amount) return fault(amount.fault);
  const told = informationOf(information?.lines ?? []);
  const valueDate = parseMoment(`20${found['value'] ?? ''}`);
  const moment = told.tradedAt ?? parseMoment(entryDate(found['value'] ?? '', found['entry']));
  if (valueDate === undefined || moment === undefined) return fault('date_not_understood');
  const mark = found['mark'] ?? '';
  const customer = found['customer']?.trim() ?? '';
  const bank = found['bank']?.trim() ?? '';
  const checked = checkedEntry({
    bizFlowNo: bank !== '' ? bank : customer === 'NONREF' ? '' : customer,
    amountFen: amount.fen,
    currency: of.currency === '' ? 'CNY' : of.currency,
    // RC takes a credit back and is itself a debit; EC and ED of MT942 are expected and not booked.
    creditDebit: mark === 'C' || mark === 'EC' || mark === 'RD' ? 'credit' : 'debit',
    booked: !mark.startsWith('E'),
    reversal: mark.startsWith('R'),
    payerName: told.payerName,
    payerAccountNo: textOrNull(told.payerAccountNo),
    payerBankName: textOrNull(told.payerBankName),
    tradedAt: moment.at,
    dateOnly: moment.dateOnly,
    remittance: told.remittance,
    accounts: [...told.receivingAccountNos, of.account],
    otherReferences: customer === '' || customer === 'NONREF' ? [] : [customer],
  });
  if ('fault' in checked) return fault(checked.fault);
  const raw = [`:61:${movement.lines.join('\n')}`, ...(information ? [`:86:${information.lines.join('\n')}`] : [])];
  return { kind: 'entry', line, raw: raw.join('\n'), entry: checked.entry };
}

/** `yyMMdd`, and `MMdd` of the entry where it is told: its year is the one that brings both closest together. */
function entryDate(value: string, entry: string | undefined): string {
  const year = 2000 + Number(value.slice(0, 2));
  if (entry === undefined) return `${year}${value.slice(2)}`;
  const months = Number(entry.slice(0, 2)) - Number(value.slice(2, 4));
  return `${year + (months > 6 ? -1 : months < -6 ? 1 : 0)}${entry}`;
}
