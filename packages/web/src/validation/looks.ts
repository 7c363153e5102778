import type { Verdict } from '../../../server/src/dialects/validation/contract.ts';

/** How a verdict looks: its colour, and a sign that says it without the colour. */
export const LOOKS: Readonly<Record<Verdict, { tone: 'success' | 'warning' | 'error'; sign: string }>> = {
  valid: { tone: 'success', sign: '✓' },
  valid_with_changes: { tone: 'success', sign: '✓' },
  changed: { tone: 'error', sign: '!' },
  broken: { tone: 'error', sign: '✕' },
  indeterminate: { tone: 'warning', sign: '?' },
  not_signed: { tone: 'warning', sign: '–' },
};
