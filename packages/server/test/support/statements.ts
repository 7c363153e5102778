import { readFile } from 'node:fs/promises';
import type { StatementSettings } from '../../src/bank/index.ts';
import { decodeStatement } from '../../src/bank/statements/decode.ts';
import { openStatement } from '../../src/bank/statements/open-statement.ts';
import { StatementError, type StatementItem } from '../../src/bank/statements/statement.ts';
import { bytes } from './bank-fixture.ts';

/** What a statement says, and why it could not be read to its end. */
export interface Read {
  items: StatementItem[];
  error: string | null;
}

/** Reads a text that comes in pieces cut at the given lengths. */
export function readText(settings: Partial<StatementSettings>, pieces: readonly string[]): Read {
  const reader = openStatement({
    format: 'camt054',
    encoding: 'auto',
    columns: {},
    information: 'untrusted',
    ...settings,
  });
  const items: StatementItem[] = [];
  try {
    for (const piece of pieces) items.push(...reader.push(piece));
    items.push(...reader.end());
    return { items, error: null };
  } catch (error) {
    if (error instanceof StatementError) return { items, error: error.reason };
    throw error;
  }
}

/** Cuts a text into pieces of at most `length` characters. */
export function cut(text: string, length: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += length) pieces.push(text.slice(at, at + length));
  return pieces;
}

/** Reads bytes as a file's stream brings them. */
export async function readBytes(settings: Partial<StatementSettings>, content: Uint8Array): Promise<Read> {
  const pieces: string[] = [];
  for await (const piece of decodeStatement(bytes(content, 1_000), settings.encoding ?? 'auto')) pieces.push(piece);
  return readText(settings, pieces);
}

/** A file of examples/bank. */
export async function sample(name: string): Promise<Buffer> {
  return readFile(new URL(`../../../../examples/bank/${name}`, import.meta.url));
}

/** An item in few words. */
export function short(item: StatementItem): unknown {
  if (item.kind === 'fault') return [item.line, item.reason];
  const { entry } = item;
  const direction = `${entry.reversal ? 'R' : ''}${entry.creditDebit === 'credit' ? 'C' : 'D'}`;
  return [entry.bizFlowNo, direction + (entry.booked ? '' : '?'), entry.amountFen, entry.payerName, entry.accounts[0]];
}
