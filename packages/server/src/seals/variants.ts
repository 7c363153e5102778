import type { RoundSeal } from './round-seal.ts';

/** The designs that a company chooses from: its name alone, with 合同专用章, with its code on the lower arc. */
export const SEAL_VARIANTS = ['plain', 'contract', 'numbered'] as const;
export type SealVariant = (typeof SEAL_VARIANTS)[number];

const CONTRACT_LINE = '合同专用章';

/** The words of a design, or undefined where the company has not what it shows. */
export function templateOf(variant: SealVariant, name: string, code: string | null): RoundSeal | undefined {
  if (variant === 'plain') return { name };
  if (variant === 'contract') return { name, line: CONTRACT_LINE };
  return code === null ? undefined : { name, number: code };
}

export function variantOf(template: RoundSeal): SealVariant {
  if (template.line !== undefined) return 'contract';
  return template.number === undefined ? 'plain' : 'numbered';
}

/** What a seal of this design is called. */
export function aliasOf(variant: SealVariant): string {
  return variant === 'contract' ? CONTRACT_LINE : '公章';
}
