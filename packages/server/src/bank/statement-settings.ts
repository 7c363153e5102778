export const STATEMENT_FORMATS = ['camt052', 'camt053', 'camt054', 'mt940', 'csv'] as const;
export type StatementFormat = (typeof STATEMENT_FORMATS)[number];

/** How the statements of a channel are read where an import does not say otherwise. */
export interface StatementSettings {
  format: StatementFormat;
  encoding: StatementEncoding;
  /** CSV alone: which column is what. Empty: by the usual Chinese headings. */
  columns: Readonly<Partial<Record<CsvColumn, string>>>;
  /** MT940 alone: in which shape the bank itself writes the payer into field 86. */
  information: StatementInformation;
}

export const STATEMENT_INFORMATION = ['untrusted', 'subfields', 'codewords', 'labels'] as const;
/**
 * `subfields`: `?NN` (`?32` is the payer); `codewords`: SWIFT's, between slashes (`/ORDP/`); `labels`: Chinese labels before
 * a colon (`对方户名:`). `untrusted`: the field is the payer's text, and who paid is not known from it.
 */
export type StatementInformation = (typeof STATEMENT_INFORMATION)[number];

export const STATEMENT_ENCODINGS = ['auto', 'utf-8', 'gb18030'] as const;
/** `auto`: a byte order mark or an XML declaration says it, else UTF-8 where the beginning is that, else GB18030. */
export type StatementEncoding = (typeof STATEMENT_ENCODINGS)[number];

export const CSV_COLUMNS = [
  'payer',
  'payerAccount',
  'payerBank',
  'amount',
  'debit',
  'direction',
  'currency',
  'reference',
  'date',
  'time',
  'subAccount',
  'remittance',
  'status',
  'reversal',
] as const;
export type CsvColumn = (typeof CSV_COLUMNS)[number];
