import { CSV_COLUMNS, type CsvColumn } from '../statement-settings.ts';

/** At which place of a row a column stands. */
export type ColumnPlaces = Partial<Record<CsvColumn, number>>;

/** Headings that banks use, the likelier first. */
const HEADINGS: Readonly<Record<CsvColumn, readonly string[]>> = {
  payer: [
    '对方户名',
    '对方名称',
    '对方单位名称',
    '对方账户名称',
    '付款人名称',
    '付款人户名',
    '付款方户名',
    '付款方名称',
  ],
  payerAccount: ['对方账号', '对方帐号', '对方账户', '付款人账号', '付款账号', '付款方账号'],
  payerBank: ['对方行名', '对方开户行', '对方银行', '付款人开户行', '付款行名', '付款方开户行'],
  amount: ['贷方金额', '贷方发生额', '收入金额', '收入', '转入金额', '交易金额', '发生额', '金额'],
  debit: ['借方金额', '借方发生额', '支出金额', '支出', '转出金额'],
  direction: ['借贷标志', '借贷方向', '收支方向', '借贷', '方向', '借/贷'],
  currency: ['币种', '货币', '币别'],
  reference: ['交易流水号', '流水号', '银行流水号', '核心流水号', '凭证号', '交易序号'],
  date: ['交易日期', '入账日期', '记账日期', '交易时间', '日期'],
  time: ['交易时间', '时间'],
  subAccount: ['收款账号', '子账号', '子账户', '虚拟账号', '本方账号', '收款人账号'],
  remittance: ['摘要', '附言', '用途', '备注'],
  status: ['交易状态', '状态'],
  reversal: ['冲正标志', '红冲标志'],
};

/** A heading without unit, quotes and white space: `贷方金额（元）` is `贷方金额`. */
function headingOf(cell: string): string {
  return cell
    .normalize('NFKC')
    .replaceAll(/[\s\ufeff"']/g, '')
    .replace(/\([^)]*\)$/, '');
}

/**
 * Where the columns stand, if this row is the row of headings: it has every column that was named, and reference, date
 * and an amount in any case. Undefined for another row.
 */
export function findColumns(
  row: readonly string[],
  named: Readonly<Partial<Record<CsvColumn, string>>>,
): ColumnPlaces | undefined {
  const headings = row.map(headingOf);
  const places: ColumnPlaces = {};
  for (const column of CSV_COLUMNS) {
    const name = named[column];
    const wanted = name === undefined ? HEADINGS[column] : [headingOf(name)];
    const place = wanted.map((heading) => headings.indexOf(heading)).find((index) => index >= 0);
    if (place !== undefined) places[column] = place;
    else if (name !== undefined) return undefined;
  }
  // One column with the whole moment serves as the date alone.
  if (places.time === places.date) delete places.time;
  const isHeader =
    places.reference !== undefined &&
    places.date !== undefined &&
    (places.amount !== undefined || places.debit !== undefined);
  return isHeader ? places : undefined;
}
