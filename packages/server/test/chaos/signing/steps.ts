/** Moments of a signing at which a node can be killed, in the order in which a flow comes to them. */
export const STEPS = [
  'job-begins',
  'fetch-begins',
  'file-is-fetched',
  'rehearsal-begins',
  'places-are-sought',
  'places-are-found',
  'file-is-rehearsed',
  'store-begins',
  'file-is-stored',
  'creation-is-told',
  'creation-waits-for-commit',
  'job-is-done',
  'file-is-opened',
  'file-is-read',
  'signing-begins',
  'key-is-asked',
  'key-has-signed',
  'file-is-signed',
  'end-is-told',
  'end-waits-for-commit',
  'discard-begins',
  'file-is-discarded',
] as const;

/** Moments of an upgrade (docs/long-term.md), for the test that kills nodes at these. */
const UPGRADE_STEPS = [
  'upgrade-begins',
  'timestamp-is-asked',
  'timestamp-is-given',
  'evidence-is-asked',
  'evidence-is-given',
  'upgrade-is-done',
] as const;

export type Step = (typeof STEPS)[number];

/** Whatever a node comes to. */
export type NodeStep = Step | (typeof UPGRADE_STEPS)[number];

/** Those that come only where two nodes sign the same: nobody can wait for them. */
const SELDOM = new Set<Step>(['discard-begins', 'file-is-discarded']);

/** Those that each round comes to. */
export const CERTAIN_STEPS: readonly Step[] = STEPS.filter((step) => !SELDOM.has(step));
