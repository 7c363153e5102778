import type { SealAnswer } from '../../server/src/dialects/member/contract.ts';
import type { Texts } from './texts/zh.ts';

/** The name of a design; one this page does not know yet is counted. */
export function sealWords(
  seal: SealAnswer,
  seals: readonly SealAnswer[],
  { seal: words }: Texts,
): { name: string; hint: string } {
  const known: Readonly<Record<string, { name: string; hint: string }>> = words.variants;
  const found = Object.hasOwn(known, seal.variant) ? known[seal.variant] : undefined;
  return found ?? words.variant(seals.indexOf(seal) + 1);
}
