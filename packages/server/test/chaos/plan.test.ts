import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planRounds } from './plan.ts';
import { createRandom } from './random.ts';

const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 });
const options = fc.record({
  seed: fc.nat(),
  rounds: fc.integer({ min: 1, max: 30 }),
  faultsPerRound: fc.integer({ min: 1, max: 6 }),
});

test('every fault comes equally often, and none twice in a round', () => {
  fc.assert(
    fc.property(names, options, (faults, given) => {
      const plans = planRounds(faults, given);
      const dealt = plans.flatMap((plan) => plan.faults);
      const counts = faults.map((fault) => dealt.filter((other) => other === fault).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      for (const plan of plans) expect(new Set(plan.faults).size).toBe(plan.faults.length);
    }),
  );
});

test('the same seed plans the same rounds', () => {
  fc.assert(
    fc.property(names, options, (faults, given) => {
      expect(planRounds(faults, given)).toEqual(planRounds(faults, given));
    }),
  );
});

test('whole numbers stay in their range, and shuffling loses nothing', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: -5, max: 5 }), fc.nat({ max: 9 }), fc.array(fc.nat()), (...given) => {
      const [seed, min, span, items] = given;
      const random = createRandom(seed);
      const drawn = random.integer(min, min + span);
      expect(drawn >= min && drawn <= min + span).toBe(true);
      expect(random.shuffled(items).toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b));
    }),
  );
});
