import { parseAmount } from '../amount.ts';
import type { StatementInformation } from '../statement-settings.ts';
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
  /** It may be a part of the text before it, where the bank broke that text into lines. */
  doubtful: boolean;
}

const TAG = /^:(\d{2}[A-Z]?):(.*)$/;
/** Continuation lines of a field at most; SWIFT knows six, banks write more. */
const FIELD_LINES_MAX = 200;
/** The end of a message, or the head of one, in braces. */
const MESSAGE_EDGE = /^(?:|-|-?\}.*|\{\d:.*)$/;
/** Tags that may follow the field 86 of a movement, by the grammar of MT940 and MT942. */
const AFTER_INFORMATION = /^(?:61|62[FM]|64|65|90[CD])$/;
/** Where SWIFT ends the lines of field 86. */
const LINE_WIDTH = 65;

/**
 * Reads MT940 statements and MT942 reports, one after the other. The line of an item is that of its `:61:`.
 *
 * The payer types a part of field 86, which the bank breaks after 65 characters, and so can make a line begin with what
 * reads as a tag. A tag after a line of exactly that width is doubtful: it is text where the grammar has no such field
 * there, or a `:61:` that is not well-formed; else a credit is read without its payer, so that a person looks at it, and a
 * reversal is a fault.
 */
export function createMt940Reader(information: StatementInformation): StatementReader {
  const splitter = new LineSplitter();
  const messages = new Messages(information);
  let field: Field | null = null;
  let items: StatementItem[] = [];
  const width = new Width();
  let isFullBefore = false;

  const endField = (): void => {
    if (field !== null) items.push(...messages.field(field));
    field = null;
  };
  const take = (lines: readonly Line[]): StatementItem[] => {
    for (const line of lines) {
      const [, tag, rest = ''] = TAG.exec(line.text) ?? [];
      const doubtful = isFullBefore && field !== null && !(field.tag === '61' && tag === '86');
      const isTag = tag !== undefined && !(doubtful && isText(tag, rest));
      const isInformation = isTag ? tag === '86' : field?.tag === '86';
      // A doubtful `:61:` may itself be text that the bank broke.
      isFullBefore = (isInformation || doubtful) && width.isReached(line.text, isTag ? rest : line.text);
      if (isTag) {
        endField();
        field = { tag, line: line.number, lines: [rest], cut: line.cut, doubtful };
      } else if (tag === undefined && MESSAGE_EDGE.test(line.text.trim())) {
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

/**
 * Whether the bank may have broken a longer text after a line: by characters, or by the bytes of either encoding, with the
 * tag or without. Of these, what a line of field 86 has gone beyond is not how this bank breaks lines.
 */
class Width {
  readonly #longest = new Map<number, number>();

  /** Takes the next line of a field 86, as it is and without its tag. */
  isReached(line: string, withoutTag: string): boolean {
    let isReached = false;
    for (const [way, length] of [...lengthsOf(line), ...lengthsOf(withoutTag)].entries()) {
      const longest = Math.max(this.#longest.get(way) ?? 0, length);
      this.#longest.set(way, longest);
      isReached ||= length === LINE_WIDTH && longest === LINE_WIDTH;
    }
    return isReached;
  }
}

/** In characters, in bytes of GB18030 and of UTF-8. */
function lengthsOf(text: string): number[] {
  const characters = Array.from(text);
  const wide = characters.filter((character) => character > '\u007f').length;
  return [characters.length, characters.length + wide, Buffer.byteLength(text, 'utf8')];
}

/** Whether a doubtful tag is none: no field of this tag may stand there, or it is not well-formed. */
function isText(tag: string, value: string): boolean {
  return !AFTER_INFORMATION.test(tag) || (tag === '61' && !MOVEMENT.test(value.trim()));
}

/** The state between fields: of which account and currency the statement is, and the `:61:` that waits for its `:86:`. */
class Messages {
  /** Whether anything of a statement was there. */
  found = false;
  readonly #information: StatementInformation;
  #account = '';
  #currency = '';
  #movement: Field | null = null;

  constructor(information: StatementInformation) {
    this.#information = information;
  }

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
    const shape = movement.doubtful ? 'untrusted' : this.#information;
    return [itemOf(movement, information, { account: this.#account, currency: this.#currency, shape })];
  }
}

/** Value date, entry date, mark, third letter of the currency, amount, type, references (SWIFT MT940, field 61). */
const MOVEMENT =
  /^(?<value>\d{6})(?<entry>\d{4})?(?<mark>R[CD]|E[CD]|[CD])(?<fund>[A-Z])?(?<amount>[\d.,]+)(?<type>[A-Z][A-Z0-9]{3})(?<customer>(?:(?!\/\/).)*)(?:\/\/(?<bank>.*))?$/;

function itemOf(
  movement: Field,
  information: Field | null,
  of: { account: string; currency: string; shape: StatementInformation },
): StatementItem {
  const line = movement.line;
  const fault = (reason: string): StatementItem => ({ kind: 'fault', line, reason });
  if (movement.cut || information?.cut === true) return fault('entry_too_long');
  const found = MOVEMENT.exec(movement.lines[0]?.trim() ?? '')?.groups;
  if (found === undefined) return fault('field_61_not_understood');
  const amount = parseAmount(found['amount'] ?? '', 'swift');
  if ('fault' in amount) return fault(amount.fault);
  const told = informationOf(information?.lines ?? [], of.shape);
  const valueDate = parseMoment(`20${found['value'] ?? ''}`);
  const moment = told.tradedAt ?? parseMoment(entryDate(found['value'] ?? '', found['entry']));
  if (valueDate === undefined || moment === undefined) return fault('date_not_understood');
  const mark = found['mark'] ?? '';
  // What a payer may have typed takes nothing back from another one.
  if (movement.doubtful && mark.startsWith('R')) return fault('field_61_doubtful');
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
