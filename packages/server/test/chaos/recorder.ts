import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Call, Receipt, Sent } from './judge.ts';

export type MutableReceipt = { -readonly [Key in keyof Receipt]: Receipt[Key] };

interface SentSoFar extends Sent {
  readonly calls: Call[];
}

/** What both ends of the relay saw in one round, in one order. */
export class Recorder {
  #places = 0;
  #sent: SentSoFar[] = [];
  #receipts: MutableReceipt[] = [];
  /** Messages of earlier rounds with their id, null where none was seen: a repeat of one may still come. */
  readonly #earlier = new Map<string, string | null>();
  readonly #stuck = new Set<string | null>();
  #webhookSecret = Buffer.alloc(0);

  /** @param secret `whsec_` and the Base64 of the key */
  verifyWith(secret: string): void {
    this.#webhookSecret = Buffer.from(secret.slice('whsec_'.length), 'base64');
  }

  /** The next place in the order. */
  place(): number {
    this.#places += 1;
    return this.#places;
  }

  send(message: Omit<Sent, 'calls'>): SentSoFar {
    const sent = { ...message, calls: [] };
    this.#sent.push(sent);
    return sent;
  }

  /** A POST that arrived whole. */
  receive(post: {
    destination: string;
    headers: IncomingHttpHeaders;
    body: Buffer;
    isForbidden: boolean;
  }): MutableReceipt {
    const { destination, headers, body, isForbidden } = post;
    const content = contentOf(body);
    const receipt: MutableReceipt = {
      webhookId: String(headers['webhook-id']),
      message: messageOf(content),
      destination,
      content,
      signatureHolds: this.#signatureHolds(headers, body),
      receivedAt: this.place(),
      acknowledgedAt: null,
      isForbidden,
    };
    this.#receipts.push(receipt);
    return receipt;
  }

  /** Every id that a caller was told or a receiver got in this round. */
  ids(): Set<string> {
    return new Set([
      ...this.#sent.flatMap(({ calls }) => calls.flatMap(({ requestId }) => requestId ?? [])),
      ...this.#ofThisRound().map(({ webhookId }) => webhookId),
    ]);
  }

  /** Ends the round: what was seen in it. */
  take(): { sent: readonly Sent[]; receipts: readonly Receipt[] } {
    const taken = { sent: this.#sent, receipts: this.#ofThisRound() };
    for (const { message } of taken.sent) this.#earlier.set(message, null);
    for (const { message, webhookId } of taken.receipts) if (message !== null) this.#earlier.set(message, webhookId);
    this.#sent = [];
    this.#receipts = [];
    return taken;
  }

  /** Its round has been blamed for it: later ones do not wait for it. */
  stuck(requestId: string | null): void {
    this.#stuck.add(requestId);
  }

  isStuck(requestId: string): boolean {
    return this.#stuck.has(requestId);
  }

  /** Late repeats of earlier rounds' messages are left out, unless they come under an id that the message did not have. */
  #ofThisRound(): MutableReceipt[] {
    return this.#receipts.filter(({ message, webhookId }) => {
      const earlier = this.#earlier.get(message ?? '');
      return earlier === undefined || (earlier !== null && earlier !== webhookId);
    });
  }

  /** Standard Webhooks, v1. */
  #signatureHolds(headers: IncomingHttpHeaders, body: Buffer): boolean {
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`;
    const expected = createHmac('sha256', this.#webhookSecret).update(signed).update(body).digest();
    return String(headers['webhook-signature'])
      .split(' ')
      .some((entry) => {
        const given = Buffer.from(entry.startsWith('v1,') ? entry.slice(3) : '', 'base64');
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
  }
}

/** request_content of the envelope; what is none stands as it is, for the judge to show. */
function contentOf(body: Buffer): string {
  try {
    const { request_content: content } = JSON.parse(body.toString('utf8')) as { request_content?: unknown };
    return typeof content === 'string' ? content : body.toString('utf8');
  } catch {
    return body.toString('utf8');
  }
}

function messageOf(content: string): string | null {
  try {
    const { message } = JSON.parse(content) as { message?: unknown };
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
