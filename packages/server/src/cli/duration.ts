import { CliError } from './context.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `250ms`, `3s`, `1m`, `2h`, `7d` in milliseconds. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  if (amount === undefined || unitMs === undefined)
    throw new CliError(`${text} is no duration such as 3s, 1m, 2h or 7d`);
  return Number(amount) * unitMs;
}
