import { setTimeout as wait } from 'node:timers/promises';
import { DELIVERY_STATES } from '../../src/relay/index.ts';
import { FAULTS, type FaultContext, type FaultName } from './faults.ts';
import { judge, type Ledger, type Verdict } from './judge.ts';
import { runLoad } from './load.ts';
import type { RoundPlan } from './plan.ts';
import { createRandom, type Random } from './random.ts';
import type { World } from './world.ts';

export interface RoundOptions {
  /** How long callers call while the faults happen. */
  readonly windowMs: number;
  readonly callers: number;
  /** However long the faults take. */
  readonly messagesMax: number;
  readonly pauseMsMax: number;
  /** How long the service may take, with every fault undone, until nothing waits. */
  readonly settleMsMax: number;
}

export interface RoundResult {
  readonly plan: RoundPlan<FaultName>;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  /** What each fault did. */
  readonly notes: ReadonlyMap<FaultName, string>;
  readonly settleMs: number;
  readonly totalMs: number;
  /** The ends of the nodes' logs. */
  readonly logs: ReadonlyMap<string, string>;
}

const ENDED = new Set<string>(['delivered', 'failed']);
const LOOK_AGAIN_MS = 50;
const QUERIES_AT_ONCE = 16;
/** What one page of the admin API holds. */
const PAGE = 500;
const QUERY_MS_MAX = 10_000;

/** One round: load and faults together, every fault undone, the service let to run until nothing waits, the judgement. */
export async function runRound(world: World, plan: RoundPlan<FaultName>, options: RoundOptions): Promise<RoundResult> {
  const begun = performance.now();
  const random = createRandom(plan.seed);
  const ending = new AbortController();
  const load = runLoad(world, {
    prefix: `r${plan.number}`,
    callers: options.callers,
    messagesMax: options.messagesMax,
    pauseMsMax: options.pauseMsMax,
    random: random.branch(),
    until: ending.signal,
  });
  const notes = new Map<FaultName, string>();
  try {
    const context = faultContext(world, random, options.windowMs);
    const faults = plan.faults.map(async (name) => {
      notes.set(name, await FAULTS[name]({ ...context, random: random.branch() }));
    });
    await Promise.all([...faults, wait(options.windowMs)]);
  } finally {
    ending.abort();
    await load;
    await world.heal();
  }
  const undone = performance.now();
  const outcomes = await settle(world, random, options.settleMsMax);
  const settled = performance.now();
  const ledger: Ledger = { ...world.recorder.take(), outcomes };
  const verdict = judge(ledger);
  for (const { kind, requestId } of verdict.violations) if (kind === 'still-waiting') world.recorder.stuck(requestId);
  return {
    plan,
    verdict,
    ledger,
    notes,
    settleMs: settled - undone,
    totalMs: settled - begun,
    logs: new Map(world.nodes.map((node) => [node.name, node.log])),
  };
}

function faultContext(world: World, random: Random, windowMs: number): Omit<FaultContext, 'random'> {
  const receivers = random.shuffled(world.receivers);
  let database: Promise<void> = Promise.resolve();
  return {
    world,
    windowMs,
    takeReceiver: () => {
      const receiver = receivers.pop();
      if (receiver === undefined) throw new Error('more faults than receivers');
      return receiver;
    },
    withDatabase: (work) => (database = database.then(work)),
  };
}

/** Waits until nothing waits, then asks for the outcome of every id. What still waits at the end is told as it is. */
async function settle(world: World, random: Random, msMax: number): Promise<Map<string, string>> {
  const deadline = performance.now() + msMax;
  while (performance.now() < deadline && (await isAnyWaiting(world))) await wait(LOOK_AGAIN_MS);
  const outcomes = new Map<string, string>();
  for (;;) {
    const open = [...world.recorder.ids()].filter((id) => !['000', '500', '404'].includes(outcomes.get(id) ?? ''));
    if (open.length === 0) return outcomes;
    const queue = open.values();
    const ask = async (): Promise<void> => {
      for (const id of queue) outcomes.set(id, await queryOutcome(world, random, id));
    };
    await Promise.all(Array.from({ length: QUERIES_AT_ONCE }, ask));
    if (performance.now() > deadline) return outcomes;
    await wait(LOOK_AGAIN_MS);
  }
}

/** Whether a delivery has not ended, other than those that an earlier round has been blamed for. */
async function isAnyWaiting(world: World): Promise<boolean> {
  try {
    const states = DELIVERY_STATES.filter((state) => !ENDED.has(state));
    const pages = await Promise.all(
      states.map((state) => world.admin('GET', `/callbacks?app_id=${world.appId}&state=${state}&limit=${PAGE}`)),
    );
    const waiting = pages.flatMap((page) => page['callbacks'] as { request_id: string }[]);
    return waiting.some(({ request_id: id }) => !world.recorder.isStuck(id));
  } catch {
    // No node could say.
    return true;
  }
}

/** The code that `GET /api/callback` answers, or what kept it from answering. */
async function queryOutcome(world: World, random: Random, requestId: string): Promise<string> {
  const url = world.anyNode(random)?.url;
  if (url === undefined || url === null) return 'no node is up';
  try {
    const answer = await fetch(`${url}/api/callback?request_id=${requestId}`, {
      headers: { authorization: world.authorization },
      signal: AbortSignal.timeout(QUERY_MS_MAX),
    });
    const { code } = (await answer.json()) as { code?: string };
    return code ?? `HTTP ${answer.status}`;
  } catch (error) {
    return String(error);
  }
}
