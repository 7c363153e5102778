import { createHash } from 'node:crypto';
import { SHARED_CALLEES } from './callee.ts';
import type { CircuitSettings, Destination } from './destination.ts';

/**
 * A lane is one destination as the dispatcher sees it: what shares a cap, a rate, a circuit and its turn. A registered
 * destination is one lane, `CALLEE_APP_ID/CALLEE_NO`; bare URLs share one for each application and origin,
 * `APP_ID/ORIGIN`. The two cannot meet: a callee's number holds no colon.
 */
export type LaneName = string;

const ORIGIN_CHARACTERS_MAX = 200;

/** The lane of a registered destination. */
export function laneOfCallee(callee: { readonly appId: string; readonly calleeNo: string }): LaneName {
  return `${callee.appId}/${callee.calleeNo}`;
}

/** The lane of a bare URL. Origins too long for an index are told by their hash. */
export function laneOfUrl(appId: string, url: string): LaneName {
  const origin = URL.parse(url)?.origin ?? url;
  if (origin.length <= ORIGIN_CHARACTERS_MAX) return `${appId}/${origin}`;
  return `${appId}/:${createHash('sha256').update(origin, 'utf8').digest('hex')}`;
}

/** Whether it is that of a registered destination. */
export function isLaneOfCallee(lane: LaneName): boolean {
  return !lane.includes(':');
}

/**
 * Whose lane it is: what has its turns, and a bound on the attempts under way, beside others. A destination that all
 * applications share counts for itself.
 */
export function applicationOf(lane: LaneName): string {
  return lane.startsWith(`${SHARED_CALLEES}/`) ? lane : lane.slice(0, lane.indexOf('/'));
}

/** What an operator set for a destination, and what stands where nothing is set. */
export interface LaneSettings {
  readonly enabled: boolean;
  /** Attempts under way at once, all nodes together. */
  readonly inFlightMax: number;
  /** Attempts begun per second, all nodes together; null: as many as there are. */
  readonly ratePerSecond: number | null;
  /** Null: no circuit. */
  readonly circuit: CircuitSettings | null;
}

export const DEFAULT_LANE_SETTINGS: LaneSettings = {
  enabled: true,
  inFlightMax: 256,
  ratePerSecond: null,
  circuit: { failures: 10, coolDownMs: 5_000 },
};

/** A registered destination's own settings, and the defaults where it has none. */
export function laneSettingsOf(destination: Destination): LaneSettings {
  const { enabled, inFlightMax, ratePerSecond, circuit } = destination;
  return {
    enabled,
    inFlightMax: inFlightMax ?? DEFAULT_LANE_SETTINGS.inFlightMax,
    ratePerSecond,
    circuit: circuit === 'off' ? null : (circuit ?? DEFAULT_LANE_SETTINGS.circuit),
  };
}

/**
 * This node's part of a destination's cap. All live nodes divide it: each gets the whole part, and what is left over goes
 * to those that rank first for this lane (rendezvous hashing), so that the parts add up to the cap and small caps of
 * many lanes spread over the nodes.
 *
 * @param nodes live nodes, `self` among them
 */
export function shareOfCap(cap: number, lane: LaneName, nodes: readonly string[], self: string): number {
  if (nodes.length <= 1) return cap;
  const whole = Math.floor(cap / nodes.length);
  const rest = cap % nodes.length;
  if (rest === 0) return whole;
  const own = rankingHash(lane, self);
  const before = nodes.filter((node) => {
    const hash = rankingHash(lane, node);
    return hash > own || (hash === own && node > self);
  }).length;
  return whole + (before < rest ? 1 : 0);
}

/** FNV-1a, finished by a mix, so that names which differ in their last letter rank unlike each other. */
function rankingHash(lane: LaneName, node: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${lane}\n${node}`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}

/**
 * How many more attempts one lane may begin on a node: after them it has under way no more than a part of what is then
 * free (dynamic threshold), so lanes that hang take less the more of them there are. The last slots are for lanes that
 * have nothing under way, one each.
 *
 * @param lane its part of the cap, and what it has under way
 */
export function laneRoom(
  lane: { readonly share: number; readonly inFlight: number },
  slots: { readonly free: number; readonly max: number },
): number {
  const spare = slots.free - Math.floor(slots.max * KEPT_FOR_FIRSTS);
  const fair = Math.floor((LANE_FREE_FACTOR * spare - lane.inFlight) / (1 + LANE_FREE_FACTOR));
  const first = lane.inFlight === 0 && slots.free > 0 ? 1 : 0;
  return Math.max(0, Math.min(lane.share - lane.inFlight, Math.max(first, fair)));
}

/**
 * What the lanes of one application divide among themselves: of a node's slots, as `laneRoom` has it for a lane. One
 * application alone gets three quarters of them (but for the last), however many destinations it has that hang; then others find the rest, and
 * one that has nothing under way finds a slot among the last.
 *
 * @param inFlight what the application has under way
 */
export function applicationSlots(
  inFlight: number,
  slots: { readonly free: number; readonly max: number },
): { readonly free: number; readonly max: number } {
  const kept = Math.floor(slots.max * KEPT_FOR_FIRSTS);
  const fair = Math.floor((APPLICATION_FREE_FACTOR * (slots.free - kept) - inFlight) / (1 + APPLICATION_FREE_FACTOR));
  const first = inFlight === 0 && slots.free > 0 ? 1 : 0;
  const alone = Math.floor((APPLICATION_FREE_FACTOR * (slots.max - kept)) / (1 + APPLICATION_FREE_FACTOR));
  return { free: Math.max(0, first, fair), max: Math.max(1, alone) };
}

const APPLICATION_FREE_FACTOR = 3;
/** One busy lane alone gets a third of the slots, the next a third of what is left, and so on. */
const LANE_FREE_FACTOR = 0.5;
const KEPT_FOR_FIRSTS = 1 / 8;
