import { FAULT_NAMES, receiversNeeded, unshowable, type FaultName } from './faults.ts';
import { planRounds } from './plan.ts';
import { createRandom } from './random.ts';
import { runRound, type RoundOptions, type RoundResult } from './round.ts';
import { startWorld } from './world.ts';

export interface ChaosOptions extends RoundOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Default: all. */
  readonly faults?: readonly FaultName[];
  readonly faultsPerRound: number;
  readonly nodes: number;
  /** A fault that cannot be shown here, and why. */
  readonly onSkipped: (fault: FaultName, reason: string) => void;
  readonly onRound: (result: RoundResult) => void;
  /** Ends the run after the round that is under way. */
  readonly signal?: AbortSignal;
}

/** A fifth of all faults in each round: five rounds show every one of them. */
export const FAULTS_PER_ROUND = Math.ceil(FAULT_NAMES.length / 5);

/** What a round of a run by hand is like; the tests have shorter ones. */
export const ROUND: RoundOptions & { readonly faultsPerRound: number; readonly nodes: number } = {
  windowMs: 3_000,
  callers: 16,
  messagesMax: 500,
  pauseMsMax: 100,
  settleMsMax: 60_000,
  faultsPerRound: FAULTS_PER_ROUND,
  nodes: 3,
};

/**
 * Starts the service on several nodes, then round by round lets faults meet load and judges what both ends saw. The seed
 * repeats every choice, though not how processes interleave.
 */
export async function runChaos(options: ChaosOptions): Promise<RoundResult[]> {
  const random = createRandom(options.seed);
  const receivers = receiversNeeded(options.faultsPerRound);
  await using world = await startWorld({ nodes: options.nodes, receivers, random: random.branch() });
  const skipped = unshowable(world);
  const wanted = options.faults ?? FAULT_NAMES;
  for (const fault of wanted) {
    const reason = skipped.get(fault);
    if (reason !== undefined) options.onSkipped(fault, reason);
  }
  const faults = wanted.filter((fault) => !skipped.has(fault));
  const results: RoundResult[] = [];
  if (faults.length === 0) return results;
  for (const plan of planRounds(faults, options)) {
    if (options.signal?.aborted === true) break;
    const result = await runRound(world, plan, options);
    results.push(result);
    options.onRound(result);
  }
  return results;
}
