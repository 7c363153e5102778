import type { CsvColumn } from '../statement-settings.ts';
import { parseAmount } from '../amount.ts';
import { CsvRecords, splitRecord, type CsvRecord } from './csv-record.ts';
import { findColumns, type ColumnPlaces } from './csv-columns.ts';
import { parseMoment } from './moment.ts';
import { checkedEntry, StatementError, textOrNull, type StatementItem, type StatementReader } from './statement.ts';

/** Rows with the account's name, the period and the like may stand before the headings. */
const ROWS_BEFORE_HEADER_MAX = 50;
const DELIMITERS = [',', '\t', ';'] as const;

/** Reads a bank's CSV. `columns` names the headings; what it does not name is found by the usual ones. */
export function createCsvReader(columns: Readonly<Partial<Record<CsvColumn, string>>>): StatementReader {
  const records = new CsvRecords();
  let places: ColumnPlaces | null = null;
  let rows = 0;
  /** Cells of the row of headings. */
  let width = 0;

  const read = (record: CsvRecord): StatementItem[] => {
    if (places === null) {
      rows += 1;
      for (const delimiter of DELIMITERS) {
        const fields = record.kind === 'record' ? splitRecord(record.raw, delimiter) : [];
        places ??= Array.isArray(fields) ? (findColumns(fields, columns) ?? null) : null;
        if (places !== null) {
          width = fields.length;
          records.useDelimiter(delimiter);
          return [];
        }
      }
      if (rows >= ROWS_BEFORE_HEADER_MAX) throw new StatementError('csv_headings_not_found');
      return [];
    }
    if (record.kind === 'fault') return [record];
    // A delimiter in a text without quotes moves every cell after it: another column's text would pass for the payer.
    if (record.fields.slice(width).some((field) => field.trim() !== '')) {
      return [{ kind: 'fault', line: record.line, reason: 'more_cells_than_headings' }];
    }
    return itemsOf(record, places);
  };
  // One after the other: what the headings decide holds for the records after them.
  const readAll = (found: Iterable<CsvRecord>): StatementItem[] => {
    const items: StatementItem[] = [];
    for (const record of found) items.push(...read(record));
    return items;
  };
  return {
    push: (text) => readAll(records.push(text)),
    end() {
      const items = readAll(records.end());
      if (places === null) throw new StatementError('csv_headings_not_found');
      return items;
    },
  };
}

/** Sums under the table are no transactions. */
const SUM_ROW = /^(?:合计|总计|小计|累计|本页|共\s*\d)/;
const REVERSAL = /冲正|红字|撤销|抹账|^(?:是|y|yes|true|1|r)$/i;
const CREDIT = /^(?:贷|收入|转入|来账|入账|c|cr|crdt|credit|\+)/i;
const DEBIT = /^(?:借|支出|转出|往账|出账|d|dr|dbit|debit|-)/i;
const NOT_BOOKED = /未入账|处理中|待处理|在途|挂起|失败|pending|pdng/i;
const CURRENCIES: Readonly<Record<string, string>> = {
  人民币: 'CNY',
  人民币元: 'CNY',
  RMB: 'CNY',
  '156': 'CNY',
  '': 'CNY',
};

/** None for a row that is empty or a sum. */
function itemsOf(record: CsvRecord & { kind: 'record' }, places: ColumnPlaces): StatementItem[] {
  const { line, raw } = record;
  if (record.fields.every((field) => field.trim() === '') || SUM_ROW.test(cellText(record.fields[0]))) return [];
  const cell = (column: CsvColumn): string => cellText(record.fields[places[column] ?? -1]);
  const fault = (reason: string): StatementItem[] => [{ kind: 'fault', line, reason }];
  const moved = movementOf(cell('amount'), cell('debit'), cell('direction'));
  if ('fault' in moved) return fault(moved.fault);
  const moment = parseMoment(`${cell('date')} ${cell('time')}`);
  if (moment === undefined) return fault('date_not_understood');
  const currency = cell('currency').toUpperCase();
  const checked = checkedEntry({
    bizFlowNo: cell('reference'),
    amountFen: moved.fen,
    currency: CURRENCIES[currency] ?? currency,
    creditDebit: moved.creditDebit,
    booked: !NOT_BOOKED.test(cell('status')),
    reversal: moved.reversal || REVERSAL.test(cell('reversal')) || /冲正/.test(cell('status')),
    payerName: cell('payer'),
    payerAccountNo: textOrNull(cell('payerAccount')),
    payerBankName: textOrNull(cell('payerBank')),
    tradedAt: moment.at,
    dateOnly: moment.dateOnly,
    remittance: cell('remittance'),
    accounts: [cell('subAccount')],
    otherReferences: [],
  });
  return 'fault' in checked ? fault(checked.fault) : [{ kind: 'entry', line, raw, entry: checked.entry }];
}

type Movement = { fen: number; creditDebit: 'credit' | 'debit'; reversal: boolean } | { fault: string };

/**
 * Amount and direction: a column for each direction, or one with a column that says which. A negative credit takes a
 * credit back (红字), and so is a debit that reverses.
 */
function movementOf(amountText: string, debitText: string, direction: string): Movement {
  const credit = parseAmount(amountText, 'table');
  const debit = parseAmount(debitText, 'table');
  const isMissing = (text: string): boolean => text === '' || /^-+$/.test(text);
  if (isMissing(amountText) && isMissing(debitText)) return { fault: 'amount_missing' };
  if (!isMissing(amountText) && 'fault' in credit) return credit;
  if (!isMissing(debitText) && 'fault' in debit) return debit;
  const creditFen = 'fen' in credit ? credit.fen : 0;
  const debitFen = 'fen' in debit ? debit.fen : 0;
  if (creditFen > 0 && debitFen > 0) return { fault: 'amount_in_both_directions' };
  const [fen, negative, isDebitColumn] =
    debitFen > 0 && 'fen' in debit
      ? [debitFen, debit.negative, true]
      : [creditFen, 'fen' in credit && credit.negative, false];
  if (isDebitColumn) return { fen, creditDebit: negative ? 'credit' : 'debit', reversal: negative };
  if (DEBIT.test(direction)) return { fen, creditDebit: negative ? 'credit' : 'debit', reversal: negative };
  if (direction !== '' && !CREDIT.test(direction)) return { fault: 'direction_not_understood' };
  return { fen, creditDebit: negative ? 'debit' : 'credit', reversal: negative };
}

/** A cell without what programs put around numbers to keep them text: `="0012"`, a leading apostrophe or tab. */
function cellText(field: string | undefined): string {
  const text = field?.trim() ?? '';
  return (/^="?(.*?)"?$/.exec(text)?.[1] ?? text).replace(/^'/, '').trim();
}
