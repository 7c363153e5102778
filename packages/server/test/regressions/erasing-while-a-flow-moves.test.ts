// Erasing a person locked signers and then flows, signing and ending a flow locks the flow and then its signers: both at
// once were a deadlock, and one of them failed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/relay-service.ts';
import { individual, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';

let fixture: SigningFixture;
beforeAll(async () => {
  fixture = await startSigningFixture();
});
afterAll(() => fixture?.close());

test('a person is asked to be erased while their flow moves: the move goes through, and the erasure is refused', async () => {
  const { mobile } = individual();
  const flowId = await fixture.waitingFlow({ signers: [individual()] });
  const { signing, appId, database } = fixture.service;
  const mover = await database.pool.connect();
  try {
    await mover.query('begin');
    await mover.query('select 1 from sign_flow where flow_id = $1 for update', [flowId]);
    const erased = signing.erasePerson({ appId, userId: mobile, actor: 'operator' }).catch((error: unknown) => error);
    await eventually(async () => {
      const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
      return (await database.pool.query(waiting)).rows.length > 0;
    });
    await mover.query('update sign_signer set ended_at = ended_at where flow_id = $1', [flowId]);
    await mover.query('commit');
    expect(await erased).toMatchObject({ code: 'person_has_open_flows' });
  } finally {
    mover.release(true);
  }
});
