/** What a caller was told of one request. Moments are places in the one order in which the runner saw things happen. */
export interface Call {
  readonly node: string;
  /** Null: no answer came. */
  readonly code: string | null;
  readonly requestId: string | null;
  readonly calledAt: number;
  readonly toldAt: number;
}

/** One message, and every request that its caller made for it. More than one only under one idempotency key. */
export interface Sent {
  readonly message: string;
  readonly destination: string;
  /** request_content as the receiver must get it. */
  readonly content: string;
  /** Messages of one key go one after another; null: in any order. */
  readonly orderingKey: string | null;
  readonly calls: readonly Call[];
}

/** One POST that arrived whole, at a destination or where none may arrive. */
export interface Receipt {
  readonly webhookId: string;
  /** Which message its content says it is; null where it says nothing. */
  readonly message: string | null;
  readonly destination: string;
  readonly content: string;
  readonly signatureHolds: boolean;
  readonly receivedAt: number;
  /** When the receiver wrote its acknowledgement; null where it misbehaved instead. */
  readonly acknowledgedAt: number | null;
  /** It stands at an address that is forbidden, or behind a redirect. */
  readonly isForbidden: boolean;
}

export interface Ledger {
  readonly sent: readonly Sent[];
  readonly receipts: readonly Receipt[];
  /** The code of `GET /api/callback` for every id that was told or received, when nothing waited any more. */
  readonly outcomes: ReadonlyMap<string, string>;
}

export type ViolationKind =
  /** 000 or 202 was answered, and no receiver ever acknowledged. */
  | 'accepted-never-delivered'
  /** 000 was answered before any receiver had acknowledged. */
  | 'told-before-acknowledged'
  /** It arrived before a message of its key that had been accepted when it was sent was acknowledged. */
  | 'out-of-order'
  /** One message under two ids, or one id for two messages. */
  | 'two-ids'
  | 'content-changed'
  | 'signature-broken'
  | 'wrong-destination'
  /** A receiver at a forbidden address, or behind a redirect, was reached. */
  | 'forbidden-reached'
  /** Refused for good, and yet it arrived. */
  | 'refused-yet-delivered'
  /** It arrived and the relay does not know its id: sent before it was durable. */
  | 'unknown-id'
  /** Neither delivered nor failed when the time to settle was over. */
  | 'still-waiting'
  /** What the query says at the end is not what the receiver saw. */
  | 'outcome-disagrees';

export interface Violation {
  readonly kind: ViolationKind;
  readonly message: string;
  readonly requestId: string | null;
  readonly told: readonly (string | null)[];
  readonly detail: string;
}

export interface Counts {
  readonly messages: number;
  readonly calls: number;
  /** Calls answered 000 and 202. */
  readonly delivered: number;
  readonly retrying: number;
  /** Calls answered 500; calls without an answer; messages among them that arrived all the same, as they may. */
  readonly faults: number;
  readonly unanswered: number;
  readonly deliveredUntold: number;
  /** Calls answered otherwise. */
  readonly refused: number;
  readonly receipts: number;
  /** Acknowledged receipts beyond the first of each id. */
  readonly duplicates: number;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly counts: Counts;
}

const ACCEPTED = new Set<string | null>(['000', '202']);

/** Judges a round by what both ends saw. Pure: nothing is asked, so that it can be shown what it must find. */
export function judge(ledger: Ledger): Verdict {
  const byMessage = Map.groupBy(ledger.receipts, (receipt) => receipt.message);
  const byId = Map.groupBy(ledger.receipts, (receipt) => receipt.webhookId);
  const violations = [
    ...ledger.sent.flatMap((sent) => judgeMessage(sent, byMessage.get(sent.message) ?? [])),
    ...judgeOrder(ledger.sent, byMessage),
    ...judgeStrangers(ledger, byMessage),
    ...[...byId].flatMap(([webhookId, receipts]) => judgeId(webhookId, receipts)),
    ...[...ledger.outcomes].flatMap(([id, code]) => judgeOutcome(ledger, id, code, byId.get(id) ?? [])),
  ];
  return { violations, counts: count(ledger, byMessage, byId) };
}

function judgeMessage(sent: Sent, receipts: readonly Receipt[]): Violation[] {
  const found: Violation[] = [];
  const told = sent.calls.map((call) => call.code);
  const report = (kind: ViolationKind, requestId: string | null, detail: string): void =>
    void found.push({ kind, message: sent.message, requestId, told, detail });

  for (const call of sent.calls) {
    const own = receipts.filter((receipt) => receipt.webhookId === call.requestId);
    const acknowledged = own.flatMap(({ acknowledgedAt }) => (acknowledgedAt === null ? [] : [acknowledgedAt]));
    if (ACCEPTED.has(call.code) && acknowledged.length === 0) {
      report('accepted-never-delivered', call.requestId, `told ${call.code} by ${call.node}, ${own.length} receipts`);
    } else if (call.code === '000' && Math.min(...acknowledged) > call.toldAt) {
      report('told-before-acknowledged', call.requestId, `told 000 by ${call.node} at ${call.toldAt}`);
    }
    if (call.code === '500500' && acknowledged.length > 0) {
      report('refused-yet-delivered', call.requestId, `told 500500 by ${call.node}`);
    }
  }

  const ids = new Set([
    ...sent.calls.flatMap(({ requestId }) => (requestId === null ? [] : [requestId])),
    ...receipts.map((receipt) => receipt.webhookId),
  ]);
  if (ids.size > 1) report('two-ids', null, [...ids].join(' and '));

  for (const { webhookId, content, destination, signatureHolds } of receipts) {
    if (content !== sent.content) report('content-changed', webhookId, `${content} in place of ${sent.content}`);
    if (destination !== sent.destination)
      report('wrong-destination', webhookId, `${destination}, not ${sent.destination}`);
    if (!signatureHolds) report('signature-broken', webhookId, destination);
  }
  return found;
}

/**
 * Of each key, a message that was sent when another had been accepted comes after that one's first acknowledgement. A
 * repeat of the earlier one may come at any time.
 */
function judgeOrder(sent: readonly Sent[], byMessage: ReadonlyMap<string | null, readonly Receipt[]>): Violation[] {
  const keyed = sent.filter(({ orderingKey, calls }) => orderingKey !== null && calls.length > 0);
  const acceptedAt = ({ calls }: Sent): number =>
    Math.min(...calls.filter(({ code }) => ACCEPTED.has(code)).map(({ toldAt }) => toldAt));
  const first = (message: string, of: (receipt: Receipt) => number | null): number =>
    Math.min(...(byMessage.get(message) ?? []).map((receipt) => of(receipt) ?? Number.POSITIVE_INFINITY));
  return [...Map.groupBy(keyed, ({ orderingKey }) => orderingKey).values()].flatMap((ofKey) =>
    ofKey.flatMap((later) => {
      const arrivedAt = first(later.message, ({ receivedAt }) => receivedAt);
      const calledAt = Math.min(...later.calls.map((call) => call.calledAt));
      const overtaken = ofKey.filter(
        (earlier) =>
          acceptedAt(earlier) < calledAt && first(earlier.message, (receipt) => receipt.acknowledgedAt) > arrivedAt,
      );
      return overtaken.map(({ message }) => ({
        kind: 'out-of-order' as const,
        message: later.message,
        requestId: later.calls[0]?.requestId ?? null,
        told: later.calls.map(({ code }) => code),
        detail: `overtook ${message} of the key ${later.orderingKey}`,
      }));
    }),
  );
}

/** What arrived and was never sent. */
function judgeStrangers(ledger: Ledger, byMessage: ReadonlyMap<string | null, readonly Receipt[]>): Violation[] {
  const known = new Set<string | null>(ledger.sent.map(({ message }) => message));
  return [...byMessage].flatMap(([message, receipts]) =>
    known.has(message)
      ? []
      : receipts.map(({ webhookId, content }) => ({
          kind: 'content-changed' as const,
          message: message ?? '',
          requestId: webhookId,
          told: [],
          detail: `no such message was sent: ${content}`,
        })),
  );
}

function judgeId(webhookId: string, receipts: readonly Receipt[]): Violation[] {
  const message = receipts[0]?.message ?? '';
  const report = (kind: ViolationKind, detail: string): Violation => ({
    kind,
    message,
    requestId: webhookId,
    told: [],
    detail,
  });
  const messages = new Set(receipts.map((receipt) => receipt.message));
  return [
    ...(messages.size > 1 ? [report('two-ids', `one id for ${[...messages].join(' and ')}`)] : []),
    ...receipts.flatMap(({ isForbidden, destination }) =>
      isForbidden ? [report('forbidden-reached', destination)] : [],
    ),
  ];
}

function judgeOutcome(ledger: Ledger, requestId: string, code: string, receipts: readonly Receipt[]): Violation[] {
  const isDelivered = receipts.some(({ acknowledgedAt }) => acknowledgedAt !== null);
  const report = (kind: ViolationKind): Violation[] => {
    const sent = ledger.sent.find(
      ({ calls, message }) =>
        calls.some((call) => call.requestId === requestId) || receipts.some((receipt) => receipt.message === message),
    );
    const told = sent?.calls.map((call) => call.code) ?? [];
    const detail = `the query says ${code}, acknowledged: ${isDelivered}`;
    return [{ kind, message: sent?.message ?? '', requestId, told, detail }];
  };
  if (code === '404') return report('unknown-id');
  if (code === '000' || code === '500') return (code === '000') === isDelivered ? [] : report('outcome-disagrees');
  return report('still-waiting');
}

function count(
  ledger: Ledger,
  byMessage: ReadonlyMap<string | null, readonly Receipt[]>,
  byId: ReadonlyMap<string, readonly Receipt[]>,
): Counts {
  const calls = ledger.sent.flatMap((sent) => sent.calls);
  const withCode = (...codes: (string | null)[]): number => calls.filter((call) => codes.includes(call.code)).length;
  const isAcknowledged = ({ acknowledgedAt }: Receipt): boolean => acknowledgedAt !== null;
  const deliveredUntold = ledger.sent.filter(
    (sent) =>
      sent.calls.every(({ code }) => code === '500' || code === null) &&
      (byMessage.get(sent.message) ?? []).some(isAcknowledged),
  );
  const [delivered, retrying, faults, unanswered] = [withCode('000'), withCode('202'), withCode('500'), withCode(null)];
  return {
    messages: ledger.sent.length,
    calls: calls.length,
    delivered,
    retrying,
    faults,
    unanswered,
    deliveredUntold: deliveredUntold.length,
    refused: calls.length - delivered - retrying - faults - unanswered,
    receipts: ledger.receipts.length,
    duplicates: [...byId.values()].reduce(
      (sum, receipts) => sum + Math.max(0, receipts.filter(isAcknowledged).length - 1),
      0,
    ),
  };
}
