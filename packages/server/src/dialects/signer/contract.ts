/**
 * JSON between the signing page and `/sign/v1`. The page is built from these types too, so that the two cannot drift
 * apart. Times are ISO 8601 in UTC. Lengths and places are PDF points from the page's lower left, as the page is shown
 * (rotation and crop applied), and a place is the centre of what stands there.
 *
 * ```
 * GET  /sign                      the page; the link's token stands in the fragment: /sign#TOKEN
 * POST /sign/v1/session           SessionRequest → SessionAnswer, and a cookie no script reads
 * GET  /sign/v1/task              → TaskAnswer
 * POST /sign/v1/code              → CodeAnswer: sends a one-time code to the signer's mobile
 * POST /sign/v1/code/check        CodeRequest → TaskAnswer
 * POST /sign/v1/consent           ConsentRequest → TaskAnswer
 * GET  /sign/v1/pages/:page       ?width=PIXELS → image/png or image/jpeg, page from 1
 * POST /sign/v1/views             ViewsRequest → 204
 * GET  /sign/v1/seals/:sealId     → image/svg+xml
 * POST /sign/v1/preview           ChoicesRequest → PreviewAnswer: what would be signed, signed by nobody
 * GET  /sign/v1/previews/:previewId/pages/:page  ?width=PIXELS → image
 * POST /sign/v1/confirm           ConfirmRequest → TaskAnswer: the one act that signs
 * POST /sign/v1/refuse            RefuseRequest → TaskAnswer
 * POST /sign/v1/handover          → HandoverAnswer: a link for the signer's phone
 * GET  /sign/v1/document          → application/pdf: the newest revision, or before the end the one to be signed
 * GET  /sign/v1/evidence          → application/pdf: the evidence report of a flow that is done, for who signed it
 * ```
 */

/**
 * Sent with every call but the one that opens the session: two tabs with two contracts must not mix. An `<img>` and a
 * download send no header: there it is `?session=SESSION` (and in `pictureUrl` it stands already). Page images come with
 * `&of=SHA256` as well, the document's `sha256`, so that a picture of an older revision is never taken from a cache; so
 * their answers may be kept: `cache-control: private, max-age=…, immutable`. Views are sent by `navigator.sendBeacon`
 * when the page is left, as application/json and with `?session=` too.
 */
export const SIGNER_SESSION_HEADER = 'x-signer-session';

export interface SessionRequest {
  token: string;
}
export interface SessionAnswer {
  session: string;
}

/**
 * What the signer has to do now. `waiting`: somebody else's turn comes before theirs. `sealing`: they confirmed, and the
 * signature is being made. The last five are ends; `signed` is shown to who proved who they are, before it is `identity`.
 */
export type SignStep =
  | 'waiting'
  | 'identity'
  | 'consent'
  | 'document'
  | 'sealing'
  | 'signed'
  | 'refused'
  | 'revoked'
  | 'expired'
  | 'flow_refused';

export interface Page {
  /** Points, as shown. */
  width: number;
  height: number;
}

export interface Point {
  /** From 1. */
  page: number;
  x: number;
  y: number;
}

/** `free`: the signer drags it to where they want it; `page`: at each point; `cross-page` (骑缝): over the pages' edges. */
export type FieldPlacement =
  | { kind: 'free' }
  | { kind: 'page'; points: Point[] }
  | { kind: 'cross-page'; pages: number[]; y: number };

export interface FieldAnswer {
  fieldId: string;
  placement: FieldPlacement;
  /** Points; null leaves it to what is drawn: `defaultWidth` of the seal, 120 for handwriting. */
  width: number | null;
  /** How it may be signed, the first being the default. A company's field allows `company` alone. */
  forms: SignatureForm[];
  /** A date is drawn with it at these points. */
  datePoints: Point[];
}
export type SignatureForm = 'handwritten' | 'template' | 'company';

export interface SealAnswer {
  sealId: string;
  kind: 'template' | 'company';
  /** What a person calls it, such as 公章. */
  label: string;
  /** Relative to the page. */
  pictureUrl: string;
  /** Points. */
  width: number;
  height: number;
}

export interface TaskAnswer {
  /** `copy`: who does not sign and gets the signed document; `identity`, then `signed`, and nothing to do. */
  role: 'signer' | 'copy';
  step: SignStep;
  /** Who asks. */
  initiator: { companyName: string; memberName: string | null; appName: string };
  subject: string;
  /** `maskedMobile` is where a code goes: for a copy it may be an e-mail address. */
  signer: { name: string; maskedMobile: string; signsFor: string | null };
  /** Null: no deadline. */
  deadline: string | null;
  /** Everybody who signs, in order. */
  parties: { name: string; state: 'waiting' | 'signing' | 'signed' | 'refused'; isSelf: boolean }[];
  identity: { checkedAt: string | null };
  consent: { version: string; text: { zh: string; en: string }; agreedAt: string | null };
  /** Null until the identity is checked and the consent given: nothing of the document is shown before. */
  document: DocumentAnswer | null;
  /** With `refused`, `flow_refused` and `revoked`, where one was given. */
  reason: string | null;
  endedAt: string | null;
  /** The last signature is in and the flow is done: the document can be downloaded as it will stay. */
  isArchived: boolean;
  /**
   * With `waiting`, `sealing` and `signed`: since when a signature cannot be made because the sender or the service has
   * something to see to. It goes on by itself afterwards.
   */
  delayedSince: string | null;
}

export interface DocumentAnswer {
  pages: Page[];
  sha256: string;
  fields: FieldAnswer[];
  seals: SealAnswer[];
  /** How long it must be open before it can be signed, and how much of that is left. Seconds. */
  readingSeconds: number;
  readingSecondsLeft: number;
}

export interface CodeAnswer {
  sentTo: string;
  /** Seconds. */
  expiresIn: number;
  resendIn: number;
}
export interface CodeRequest {
  /** 6 digits. */
  code: string;
}
export interface ConsentRequest {
  version: string;
}
export interface ViewsRequest {
  views: { page: number; milliseconds: number }[];
}

/** A handwriting: strokes in a box of its own, from its upper left, each point x, y and pressure from 0 to 1. */
export interface Handwriting {
  width: number;
  height: number;
  strokes: { points: [x: number, y: number, pressure: number][] }[];
}

export type FieldChoice =
  | { fieldId: string; form: 'handwritten'; handwriting: Handwriting; points?: Point[] }
  | { fieldId: string; form: 'template' | 'company'; sealId: string; points?: Point[] };

/** One choice for each field of the task; `points` where the placement is free, and only there. */
export interface ChoicesRequest {
  choices: FieldChoice[];
}
export interface PreviewAnswer {
  previewId: string;
  /** The pages on which something stands now, from 1. */
  pages: number[];
}
export interface ConfirmRequest {
  previewId: string;
}
export interface RefuseRequest {
  /** 1 to 200 characters. */
  reason: string;
}
export interface HandoverAnswer {
  url: string;
  expiresAt: string;
  /** Seconds: a browser's clock may be wrong. */
  expiresIn: number;
}

export type SignerApiErrorCode =
  | 'session_missing'
  | 'session_replaced'
  | 'token_invalid'
  | 'token_expired'
  | 'invalid'
  /** The code was wrong; `triesLeft` says how often it may be tried. */
  | 'code_wrong'
  | 'code_expired'
  | 'code_too_soon'
  | 'code_locked'
  | 'not_your_turn'
  | 'step_missing'
  | 'reading_time_left'
  | 'preview_gone'
  /** Another signature came in since the preview: a new preview shows it. */
  | 'document_changed'
  | 'flow_over'
  | 'too_many_requests'
  | 'unavailable'
  | 'internal';

export interface SignerErrorAnswer {
  error: SignerApiErrorCode;
  message: string;
  triesLeft?: number;
  /** Seconds. */
  retryAfter?: number;
}
