import type { JsonMember } from '../../../platform/json-text.ts';
import { referenceNumber } from './reference-number.ts';

type Pair = readonly [key: string, value: string];

/** What the newer dialect signs; `requestContent` is the string as received, undefined where it was absent. */
export interface NewerSigned {
  readonly appId: string;
  readonly apiCode: string;
  readonly nonce: string;
  readonly timestamp: string;
  readonly requestContent: string | undefined;
}

/** What the older dialect signs; `params` are the members of the params object. */
export interface OlderSigned {
  readonly appId: string;
  readonly apiCode: string;
  readonly nonce: string;
  readonly timestamp: string;
  readonly params: readonly JsonMember[];
}

/**
 * The newer dialect's signed text (contracts/etc-gateway.md). There is one, and a second where request_content is
 * empty: clients that leave empty values out sign without it, and both mean the same request.
 */
export function newerSignedTexts(signed: NewerSigned): readonly string[] {
  const own: readonly Pair[] = [
    ['api_code', signed.apiCode],
    ['app_id', signed.appId],
    ['nonce', signed.nonce],
    ['timestamp', signed.timestamp],
  ];
  if (signed.requestContent === undefined) return [joinSorted(own)];
  const whole = joinSorted([...own, ['request_content', signed.requestContent]]);
  return signed.requestContent === '' ? [whole, joinSorted(own)] : [whole];
}

/**
 * The older dialect's signed text: the envelope's four values and every scalar of params. Objects and arrays are left
 * out, and nulls with them, since a null means the same as absence here. Booleans are `true` and `false`. Numbers are
 * as written or, all of them, as the reference client writes them: one text or two.
 */
export function olderSignedTexts(signed: OlderSigned): readonly string[] {
  const own: readonly Pair[] = [
    ['apiCode', signed.apiCode],
    ['appId', signed.appId],
    ['nonce', signed.nonce],
    ['timestamp', signed.timestamp],
  ];
  const scalars = signed.params.filter(isSignedScalar);
  const asWritten = joinSorted([...own, ...scalars.map((member): Pair => [member.key, scalarText(member)])]);
  const asReference = joinSorted([
    ...own,
    ...scalars.map((member): Pair => [
      member.key,
      member.kind === 'number' ? referenceNumber(member.source) : scalarText(member),
    ]),
  ]);
  return asWritten === asReference ? [asWritten] : [asWritten, asReference];
}

/** Whether the older dialect's signature leaves this member of params out although it says something. */
export function isNested(member: JsonMember): boolean {
  return member.kind === 'object' || member.kind === 'array';
}

function isSignedScalar(member: JsonMember): boolean {
  return !isNested(member) && member.kind !== 'null';
}

function scalarText(member: JsonMember): string {
  return member.kind === 'string' ? String(member.value) : member.source;
}

/** `k=v` joined by `&`, keys in the order of their UTF-8 bytes, nothing escaped. */
function joinSorted(pairs: readonly Pair[]): string {
  return pairs
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')))
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
}
