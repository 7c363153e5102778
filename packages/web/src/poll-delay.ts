/** The bank needs seconds to minutes: at first we look often, then ever less, and never faster because it fails. */
const UNCHANGED_DELAYS_MS = [2_000, 2_000, 2_000, 3_000, 3_000, 5_000, 5_000, 8_000, 10_000, 15_000];
const FAILED_DELAYS_MS = [2_000, 4_000, 8_000, 15_000, 30_000];

/**
 * How long to wait before the page asks again.
 *
 * @param state answers in a row that brought nothing new, and tries in a row that failed
 * @param random from 0 up to 1: spreads pages that lost their line at the same moment
 */
export function pollDelayMs({ unchanged, failures }: { unchanged: number; failures: number }, random: number): number {
  const delays = failures > 0 ? FAILED_DELAYS_MS : UNCHANGED_DELAYS_MS;
  const turn = failures > 0 ? failures - 1 : unchanged;
  const delay = delays[Math.min(turn, delays.length - 1)] ?? 0;
  return Math.round(delay * (0.9 + 0.2 * random));
}
