import { createRandom } from './random.ts';

/** What one round does, drawn before it begins. */
export interface RoundPlan<Name extends string> {
  /** From 1. */
  readonly number: number;
  /** Of the round's own choices: moments, nodes, destinations, messages. */
  readonly seed: number;
  readonly faults: readonly Name[];
}

const SEED_MAX = 2 ** 32 - 1;

/**
 * Deals the faults to rounds as cards of a shuffled deck: each comes once before any comes twice, so that
 * `faults.length / faultsPerRound` rounds have shown them all. No round has the same fault twice.
 */
export function planRounds<Name extends string>(
  faults: readonly Name[],
  options: { readonly seed: number; readonly rounds: number; readonly faultsPerRound: number },
): RoundPlan<Name>[] {
  const random = createRandom(options.seed);
  let deck: Name[] = [];
  return Array.from({ length: options.rounds }, (_, index) => {
    const dealt: Name[] = [];
    while (dealt.length < Math.min(options.faultsPerRound, faults.length)) {
      if (deck.length === 0) deck = random.shuffled(faults);
      const next = deck.findIndex((fault) => !dealt.includes(fault));
      // What is left of this deck is in the round already: the next deck is shuffled behind it.
      if (next < 0) deck = [...deck, ...random.shuffled(faults)];
      else dealt.push(...deck.splice(next, 1));
    }
    return { number: index + 1, seed: random.integer(0, SEED_MAX), faults: dealt };
  });
}
