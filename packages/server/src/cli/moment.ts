import { CliError } from './context.ts';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as people write one: `2026-03-22T18:00+08:00` (with its zone), `2026-03-22` (midnight in UTC), or how long ago,
 * `30m`, `2h`, `7d`. Answers ISO 8601.
 */
export function momentOf(text: string, now: Date): string {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  if (amount !== undefined && unitMs !== undefined) return iso(new Date(now.getTime() - Number(amount) * unitMs), text);
  if (!/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text)) throw notUnderstood(text);
  return iso(new Date(text), text);
}

function iso(at: Date, text: string): string {
  if (Number.isNaN(at.getTime())) throw notUnderstood(text);
  return at.toISOString();
}

function notUnderstood(text: string): CliError {
  return new CliError(`${text} is no moment such as 2026-03-22T18:00+08:00 (with zone), 2026-03-22 (UTC) or 2h (ago)`);
}
