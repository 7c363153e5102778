import type { StatementSettings } from '../statement-settings.ts';
import { createCamtReader } from './camt.ts';
import { createCsvReader } from './csv.ts';
import { createMt940Reader } from './mt940.ts';
import type { StatementReader } from './statement.ts';

/** The reader of a format. */
export function openStatement(settings: StatementSettings): StatementReader {
  if (settings.format === 'mt940') return createMt940Reader(settings.information);
  if (settings.format === 'csv') return createCsvReader(settings.columns);
  return createCamtReader(settings.format);
}
