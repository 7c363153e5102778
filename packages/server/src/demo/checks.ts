import type { GatewayAnswer } from './gateway-client.ts';

/** Throws, saying what was expected, unless it holds. */
export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected ${what}`);
}

/** The answer's data, where the call succeeded. */
export function dataOf(answer: GatewayAnswer): Record<string, unknown> {
  expect(answer.code === '000', `code 000, got ${answer.code} ${answer.msg}`);
  return answer.data as Record<string, unknown>;
}

export function textOf(record: Record<string, unknown>, key: string): string {
  const value = record[key];
  if (typeof value !== 'string') throw new Error(`expected ${key} to be a text, got ${JSON.stringify(value)}`);
  return value;
}
