import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { judgeFlow, type FlowLedger } from './judge.ts';
import { runSigningRounds } from './rounds.ts';
import { CERTAIN_STEPS } from './steps.ts';

/** Any other would do. */
const SEED = 20_261_122;
const ROUNDS = 3;

const database = await createTestDatabase();
const folder = await mkdtemp(join(tmpdir(), 'yinxin-signing-kill-'));
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test('a node killed at steps of a signing leaves no flow stuck, no signature lost and none twice', async () => {
  const options = { databaseUrl: database.url, folder, rounds: ROUNDS, seed: SEED };
  const rounds = await runSigningRounds({ ...options, onRound: () => undefined });
  expect(rounds.flatMap(({ faults }) => faults)).toEqual([]);
  const kills = rounds.flatMap((round) => round.kills);
  expect(kills).toHaveLength(2 * ROUNDS);
  // Nodes that nobody killed would show nothing.
  expect(kills.filter(({ wasKilled }) => wasKilled).length).toBeGreaterThan(ROUNDS);
  expect(new Set(kills.map(({ step }) => step)).size).toBe(Math.min(2 * ROUNDS, CERTAIN_STEPS.length));
}, 300_000);

describe('the judge finds', () => {
  const sound: FlowLedger = {
    flowRequestId: 'r',
    requestState: 'opened',
    state: 'done',
    expected: ['a-1', 'b-1'],
    signatures: [
      { field: 'a-1', valid: true, whole: false },
      { field: 'b-1', valid: true, whole: true },
    ],
    isBeginning: [true, true],
    counted: 2,
    fields: 2,
    told: { created: 1, ended: 1 },
    people: { signed: 1, told: 1 },
  };
  const [first, second] = sound.signatures;

  test.each<[string, Partial<FlowLedger>]>([
    ['the request is pending', { requestState: 'pending' }],
    ['the flow is stuck in signing', { state: 'signing' }],
    ['b-1 is lost', { signatures: [{ ...first!, whole: true }] }],
    ['a-1 stands 2 times', { signatures: [first!, first!, second!] }],
    ["c-1 is nobody's", { signatures: [first!, second!, { field: 'c-1', valid: true, whole: false }] }],
    ['a-1 is not valid', { signatures: [{ ...first!, valid: false }, second!] }],
    ['none covers the whole', { signatures: [first!, { ...second!, whole: false }] }],
    ['a signature that was counted is not in the newest file', { isBeginning: [true, false] }],
    ['3 signatures counted for 2 fields', { counted: 3 }],
    ['its creation was told 2 times', { told: { created: 2, ended: 1 } }],
    ['its end was told 0 times', { told: { created: 1, ended: 0 } }],
    ['1 people were told of the end 2 times', { people: { signed: 1, told: 2 } }],
  ])('%s', (fault, changed) => {
    expect(judgeFlow(sound)).toEqual([]);
    expect(judgeFlow({ ...sound, ...changed })).toContain(fault);
  });
});
