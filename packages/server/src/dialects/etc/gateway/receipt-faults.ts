import type { ReceiptField } from '../../../receipts/index.ts';

/** The contract's name of each field of template T001. */
const FIELDS: Readonly<Record<ReceiptField, string>> = {
  number: 'T001001',
  arrivalDate: 'T001002',
  payer: 'T001003',
  method: 'T001004',
  amountInWords: 'T001005',
  amountInFigures: 'T001006',
  contractNumber: 'T001007',
  merchantType: 'T001008',
  signDate: 'T001009',
  contractName: 'T001010',
  issueYear: 'T001011',
  issueMonth: 'T001012',
  issueDay: 'T001013',
};

const REASONS: Readonly<Record<string, string>> = {
  not_an_amount: '应为金额数字，如1234.50',
  no_amount_in_words: '应为中文大写金额，如壹佰贰拾叁元整',
  amounts_differ: '的大写金额与T001006的小写金额不一致',
  zero_amount: '应大于零',
  not_a_date: '与T001011、T001012应组成真实的日期',
};

/** What a caller reads of a receipt that cannot be issued, for the params of `receipt_invalid`. */
export function receiptFault(params: Readonly<Record<string, string>>): string {
  const { field = '', reason = '', characters = '' } = params;
  const name = `参数biz_params.${(FIELDS as Readonly<Record<string, string>>)[field] ?? field}`;
  return reason === 'characters_missing'
    ? `${name}含有无法打印的字符“${characters}”`
    : `${name}${REASONS[reason] ?? '不正确'}`;
}
