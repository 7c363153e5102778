import { CliError } from './context.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `250ms`, `3s`, `1m`, `2h` in milliseconds. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  if (amount === undefined || unitMs === undefined) throw new CliError(`${text} is no duration such as 3s, 1m or 2h`);
  return Number(amount) * unitMs;
}
