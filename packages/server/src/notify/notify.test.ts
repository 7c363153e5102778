import { describe, expect, it } from 'vitest';
import type { App } from '../apps/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { createLog } from '../platform/log.ts';
import type { EnqueuedMessage } from '../relay/index.ts';
import { createNotify } from './index.ts';

const APP_ID = 'OIG0AF4DMOK2VC2N';
const AT = new Date(1563968167329);
const tx = {} as Transaction;

async function notifying(app: Partial<App> | undefined) {
  const sent: EnqueuedMessage[] = [];
  const logged: string[] = [];
  const notify = await createNotify({
    relay: {
      enqueue(given, message) {
        expect(given).toBe(tx);
        sent.push(message);
        return Promise.resolve(`request-${sent.length}`);
      },
    },
    apps: {
      find: () => Promise.resolve(app as App | undefined),
      findWithin: () => Promise.resolve(app as App | undefined),
    },
    log: createLog({ level: 'error', write: (line) => void logged.push(line) }),
  }).forApp(APP_ID);
  return { notify, sent, logged };
}

const created = { flowRequestId: 'r', result: { ok: true, flowId: 'f' }, at: AT } as const;
const ended = {
  notifyUrl: null,
  flowId: 'f',
  subject: '合同.pdf',
  outcome: 'done',
  fileId: 'f'.repeat(32),
  createdAt: AT,
  endedAt: AT,
} as const;

describe('to whom', () => {
  it("the flow's own notifyUrl wins over the app's", async () => {
    const { notify, sent } = await notifying({ notifyUrl: 'https://app.test/' });
    await notify.flowCreated(tx, { ...created, notifyUrl: 'https://flow.test/' });
    expect(await notify.flowCreated(tx, { ...created, notifyUrl: null })).toEqual({
      kind: 'enqueued',
      requestId: 'request-2',
    });
    expect(sent.map(({ url }) => url)).toEqual(['https://flow.test/', 'https://app.test/']);
    expect(sent[0]).toMatchObject({ appId: APP_ID, profile: 'etc-notify', occurredAt: AT });
  });

  it.each([[undefined], [{ notifyUrl: null }]])('nobody where neither has one', async (app) => {
    const { notify, sent } = await notifying(app);
    expect(await notify.flowEnded(tx, ended)).toEqual({ kind: 'no-destination' });
    expect(sent).toEqual([]);
  });
});

it.each(['sign_process', 'auth_process'] as const)("an app's setting chooses the code %s", async (notifyCode) => {
  const { notify, sent } = await notifying({ notifyUrl: 'https://app.test/', notifyCode });
  await notify.flowEnded(tx, ended);
  expect(JSON.parse(sent[0]!.content)).toMatchObject({ api_callback_code: notifyCode, timestamp: AT.getTime() });
});

it('a value that cannot fit is sent whole and logged', async () => {
  const { notify, sent, logged } = await notifying({ notifyUrl: 'https://app.test/' });
  await notify.flowEnded(tx, { ...ended, flowId: 'f'.repeat(33) });
  expect(sent[0]!.content).toContain('f'.repeat(33));
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0]!)).toMatchObject({ level: 'error', appId: APP_ID, fields: ['flow_id'] });
});
