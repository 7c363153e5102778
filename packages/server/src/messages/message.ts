/**
 * What people are written. The text stands in `texts.ts`, by kind and language.
 *
 * - `sign_link`, `sign_reminder`: `initiator` asks for a signature under `subject`; `url` opens the signing page
 * - `sign_code`: `code` proves to the signing page who sits there; it lives for `minutes`
 * - `sign_done`: what they signed is signed by everybody; `url` opens it
 * - `sign_copy`: they get a copy of what others signed; `url` opens it
 * - `sign_ended`: what they were asked to sign ended otherwise, by `outcome`
 * - `view_code`: as `sign_code`, to open what is signed already
 */
export interface MessageParams {
  readonly sign_link: { readonly initiator: string; readonly subject: string; readonly url: string };
  readonly sign_reminder: { readonly initiator: string; readonly subject: string; readonly url: string };
  readonly sign_code: { readonly code: string; readonly subject: string; readonly minutes: string };
  readonly sign_done: { readonly initiator: string; readonly subject: string; readonly url: string };
  readonly sign_copy: { readonly initiator: string; readonly subject: string; readonly url: string };
  readonly sign_ended: {
    readonly initiator: string;
    readonly subject: string;
    readonly outcome: 'revoked' | 'refused' | 'expired';
  };
  readonly view_code: { readonly code: string; readonly subject: string; readonly minutes: string };
}
export type MessageKind = keyof MessageParams;
export type Language = 'zh' | 'en';

/** Where a message goes. An adapter takes the address that it can write to. */
export interface Recipient {
  /** 11 digits. */
  readonly mobile?: string;
  readonly email?: string;
}

/** A message as an adapter delivers it. */
export interface OutgoingMessage {
  /** Constant over tries, so that a gateway can tell a repeat. */
  readonly messageId: string;
  readonly kind: MessageKind;
  readonly language: Language;
  readonly to: Recipient;
  readonly subject: string;
  readonly text: string;
  readonly params: Readonly<Record<string, string>>;
}

/** What became of one try: taken, refused for good, or not now. No reason holds an address or the text. */
export type MessageOutcome =
  | { readonly kind: 'taken'; readonly reference: string | null }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** A way to people. */
export interface MessageAdapter {
  readonly name: 'log' | 'webhook' | 'smtp';
  /** Whether it can write to this address. */
  reaches(to: Recipient): boolean;
  send(message: OutgoingMessage): Promise<MessageOutcome>;
}
