import { CliError } from './context.ts';
import type { Row } from './print.ts';

/** `200`, `2xx` or `200-204`, and lists of them, as numbers in the order given, each once. */
export function parseStatuses(text: string): number[] {
  const statuses = text.split(',').flatMap((part) => statusRange(part.trim()));
  return [...new Set(statuses)];
}

function statusRange(text: string): number[] {
  const hundred = /^([2-5])xx$/i.exec(text)?.[1];
  if (hundred !== undefined) return numbersFrom(Number(hundred) * 100, Number(hundred) * 100 + 99);
  const [, from, to = from] = /^([2-5]\d{2})(?:-([2-5]\d{2}))?$/.exec(text) ?? [];
  if (from === undefined || Number(from) > Number(to)) {
    throw new CliError(`${text} is no HTTP status such as 200, 2xx or 200-204`);
  }
  return numbersFrom(Number(from), Number(to));
}

function numbersFrom(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Statuses as `parseStatuses` reads them, short: `2xx`, `200-204,409`. */
export function statusesText(statuses: readonly number[]): string {
  const parts: string[] = [];
  const sorted = statuses.toSorted((one, other) => one - other);
  for (let at = 0; at < sorted.length;) {
    const first = sorted[at] ?? 0;
    let last = first;
    while (sorted[at + 1] === last + 1) {
      last += 1;
      at += 1;
    }
    at += 1;
    if (first % 100 === 0 && last === first + 99) parts.push(`${first / 100}xx`);
    else parts.push(first === last ? String(first) : `${first}-${last}`);
  }
  return parts.join(',');
}

/** `path=text` or `path:=JSON` (a number, true or false), for the option named. */
export function parseJsonRule(option: string, text: string): { path: string; value: string | number | boolean } {
  const [, path, typed, value] = /^([^=]+?)(:?)=(.*)$/s.exec(text) ?? [];
  const wrong = new CliError(`${option} is written path=text or path:=number, such as code=000 or data.ok:=true`);
  if (path === undefined || value === undefined) throw wrong;
  if (typed === '') return { path, value };
  let read: unknown;
  try {
    read = JSON.parse(value);
  } catch {
    throw wrong;
  }
  if (typeof read !== 'string' && typeof read !== 'number' && typeof read !== 'boolean') throw wrong;
  if (typeof read === 'number' && !keepsItsDigits(value, read)) {
    throw new CliError(
      `${option} ${path}:=${value}: numbers are compared with up to 15 digits; let the answer hold a text`,
    );
  }
  return { path, value: read };
}

/** Whether a number as it is written is told from its neighbours once it is read. */
function keepsItsDigits(source: string, read: number): boolean {
  if (/^\s*-?\d+\s*$/.test(source)) return Number.isSafeInteger(read);
  const digits = source.replace(/e.*$/is, '').replaceAll(/\D/g, '').replace(/^0+/, '');
  return digits.length <= 15;
}

/** A rule over an answer, from its three options; undefined where none of them is given. */
export function answerRule(
  name: string,
  given: { status?: string | undefined; text?: string | undefined; json?: string | undefined },
): Row | undefined {
  const statuses = given.status === undefined ? {} : { statuses: parseStatuses(given.status) };
  if (given.text !== undefined && given.json !== undefined)
    throw new CliError(`give one of ${name}-text and ${name}-json`);
  if (given.text !== undefined) return { kind: 'text', text: given.text, ...statuses };
  if (given.json !== undefined) return { kind: 'json', ...parseJsonRule(`${name}-json`, given.json), ...statuses };
  return given.status === undefined ? undefined : { kind: 'status', ...statuses };
}

/** A record in which every list of statuses is written short. */
export function withShortStatuses(record: Row): Row {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, shortened(value)]));
}

function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  const statuses: unknown = 'statuses' in value ? value.statuses : undefined;
  return Array.isArray(statuses) ? { ...value, statuses: statusesText(statuses.map(Number)) } : value;
}
