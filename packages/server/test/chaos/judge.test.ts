import { describe, expect, test } from 'vitest';
import { judge, type Call, type Ledger, type Receipt, type Sent } from './judge.ts';

const call = (more: Partial<Call> = {}): Call => ({
  node: 'a',
  code: '000',
  requestId: 'id-1',
  calledAt: 1,
  toldAt: 10,
  ...more,
});
const sent = (more: Partial<Sent> = {}): Sent => ({
  message: 'm-1',
  destination: 'd-1',
  content: '{"message":"m-1"}',
  orderingKey: null,
  calls: [call()],
  ...more,
});
const receipt = (more: Partial<Receipt> = {}): Receipt => ({
  webhookId: 'id-1',
  message: 'm-1',
  destination: 'd-1',
  content: '{"message":"m-1"}',
  signatureHolds: true,
  receivedAt: 4,
  acknowledgedAt: 5,
  isForbidden: false,
  ...more,
});
const ledger = (more: Partial<Ledger> = {}): Ledger => ({
  sent: [sent()],
  receipts: [receipt()],
  outcomes: new Map([['id-1', '000']]),
  ...more,
});
const kinds = (more: Partial<Ledger>): string[] => judge(ledger(more)).violations.map(({ kind }) => kind);

test('a message that was told delivered, arrived before that and is known as delivered has no fault', () => {
  expect(judge(ledger())).toEqual({
    violations: [],
    counts: {
      messages: 1,
      calls: 1,
      delivered: 1,
      retrying: 0,
      faults: 0,
      unanswered: 0,
      deliveredUntold: 0,
      refused: 0,
      receipts: 1,
      duplicates: 0,
    },
  });
});

test('repeats under the same id are no fault and are counted', () => {
  const verdict = judge(
    ledger({ receipts: [receipt(), receipt({ acknowledgedAt: null }), receipt({ acknowledgedAt: 20 })] }),
  );
  expect(verdict.violations).toEqual([]);
  expect(verdict.counts).toMatchObject({ receipts: 3, duplicates: 1 });
});

test('what was answered 500, or not at all, may arrive and may not; what arrived is counted', () => {
  const untold = [
    sent({ calls: [call({ code: '500', requestId: null })] }),
    sent({ message: 'm-2', calls: [call({ code: null, requestId: null })] }),
  ];
  const arrived = judge(ledger({ sent: untold }));
  expect(arrived.violations).toEqual([]);
  expect(arrived.counts).toMatchObject({ faults: 1, unanswered: 1, deliveredUntold: 1 });
  expect(kinds({ sent: untold, receipts: [], outcomes: new Map() })).toEqual([]);
});

describe('it finds', () => {
  test.each(['000', '202'])('a planted loss: %s was told and nothing arrived', (code) => {
    const lost = { sent: [sent({ calls: [call({ code })] })], receipts: [], outcomes: new Map([['id-1', '500']]) };
    expect(kinds(lost)).toEqual(['accepted-never-delivered']);
    expect(judge(ledger(lost)).violations[0]).toMatchObject({ message: 'm-1', requestId: 'id-1', told: [code] });
  });

  test('a message that arrived and was never acknowledged', () => {
    const outcomes = new Map([['id-1', '500']]);
    expect(kinds({ receipts: [receipt({ acknowledgedAt: null })], outcomes })).toEqual(['accepted-never-delivered']);
  });

  test('a loss that a message of another id hides', () => {
    const outcomes = new Map([['id-2', '000']]);
    expect(kinds({ receipts: [receipt({ webhookId: 'id-2' })], outcomes })).toEqual([
      'accepted-never-delivered',
      'two-ids',
    ]);
  });

  test('a 000 that was told before the receiver had acknowledged', () => {
    expect(kinds({ receipts: [receipt({ acknowledgedAt: 11 })] })).toEqual(['told-before-acknowledged']);
  });

  test('a planted duplicate under another id', () => {
    const outcomes = new Map([
      ['id-1', '000'],
      ['id-2', '000'],
    ]);
    expect(kinds({ receipts: [receipt(), receipt({ webhookId: 'id-2' })], outcomes })).toEqual(['two-ids']);
  });

  test('an idempotency key that was given two ids, though one of them never arrived', () => {
    const calls = [call({ code: '500500', requestId: 'id-0' }), call()];
    expect(kinds({ sent: [sent({ calls })] })).toEqual(['two-ids']);
  });

  describe('of one key, a message that', () => {
    const second = { content: '{"message":"m-1"}', orderingKey: 'k', message: 'm-2' };
    const messages = [
      sent({ orderingKey: 'k' }),
      sent({ ...second, calls: [call({ requestId: 'id-2', calledAt: 11, toldAt: 30 })] }),
    ];
    const outcomes = new Map([
      ['id-1', '000'],
      ['id-2', '000'],
    ]);
    const then = (receivedAt: number): Receipt =>
      receipt({ webhookId: 'id-2', message: 'm-2', receivedAt, acknowledgedAt: receivedAt + 1 });

    test('came before the one that was accepted earlier', () => {
      const late = receipt({ receivedAt: 25, acknowledgedAt: 26 });
      const receipts = [receipt({ acknowledgedAt: null }), then(20), late];
      const calls = [call({ code: '202' })];
      const early = sent({ orderingKey: 'k', calls });
      expect(kinds({ sent: [early, messages[1]!], receipts, outcomes })).toEqual(['out-of-order']);
    });

    test('came after it is none, though a repeat came later; nor was one sent before the other was accepted', () => {
      expect(
        kinds({ sent: messages, receipts: [receipt(), then(20), receipt({ acknowledgedAt: 40 })], outcomes }),
      ).toEqual([]);
      const early = sent({ ...second, calls: [call({ requestId: 'id-2', calledAt: 2, toldAt: 30 })] });
      expect(
        kinds({ sent: [messages[0]!, early], receipts: [then(3), receipt({ acknowledgedAt: 9 })], outcomes }),
      ).toEqual([]);
    });
  });

  test('one id for two messages', () => {
    const other = sent({ message: 'm-2', calls: [call({ code: null, requestId: null })] });
    expect(kinds({ sent: [sent(), other], receipts: [receipt(), receipt({ message: 'm-2' })] })).toEqual(['two-ids']);
  });

  test('a content that changed, or that nobody sent', () => {
    expect(kinds({ receipts: [receipt(), receipt({ content: '{"message": "m-1"}' })] })).toEqual(['content-changed']);
    expect(kinds({ receipts: [receipt(), receipt({ message: 'm-9', webhookId: 'id-9' })] })).toEqual([
      'content-changed',
    ]);
  });

  test('a broken signature, a wrong destination, a forbidden one', () => {
    expect(kinds({ receipts: [receipt({ signatureHolds: false })] })).toEqual(['signature-broken']);
    expect(kinds({ receipts: [receipt({ destination: 'd-2' })] })).toEqual(['wrong-destination']);
    expect(kinds({ receipts: [receipt(), receipt({ isForbidden: true, acknowledgedAt: null })] })).toEqual([
      'forbidden-reached',
    ]);
  });

  test('a message that was refused for good and arrived', () => {
    const calls = [call({ code: '500500' })];
    expect(kinds({ sent: [sent({ calls })] })).toEqual(['refused-yet-delivered']);
  });

  test('an id that arrived and that the relay does not know', () => {
    const calls = [call({ code: null, requestId: null })];
    expect(kinds({ sent: [sent({ calls })], outcomes: new Map([['id-1', '404']]) })).toEqual(['unknown-id']);
  });

  test('what never settled', () => {
    expect(kinds({ outcomes: new Map([['id-1', '202']]) })).toEqual(['still-waiting']);
  });

  test('a query that disagrees with the receiver', () => {
    expect(kinds({ outcomes: new Map([['id-1', '500']]) })).toEqual(['outcome-disagrees']);
    const untold = [sent({ calls: [call({ code: null, requestId: null })] })];
    const receipts = [receipt({ acknowledgedAt: null })];
    expect(kinds({ sent: untold, receipts })).toEqual(['outcome-disagrees']);
  });
});
