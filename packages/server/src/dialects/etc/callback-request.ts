import {
  compactJsonText,
  JsonTextError,
  parseJsonObject,
  parseJsonObjectText,
  quotableKey,
  type JsonMember,
  type JsonTextErrorCode,
} from '../../platform/json-text.ts';

/** A checked body of `POST /api/callback` (contracts/relay.md, Accept). */
export interface CallbackRequest {
  readonly appId: string;
  readonly destination: { readonly url: string } | { readonly calleeNo: string };
  readonly callerNo: string | null;
  readonly messageType: string;
  /** request_message as source text without white space between tokens. */
  readonly content: string;
}

/** A body that is refused with code 400; `message` is the answer's `msg`. */
export class CallbackFormError extends Error {
  override readonly name = 'CallbackFormError';
}

/** Choices where the contract is silent. */
export const CALLBACK_LIMITS = {
  bodyBytesMax: 1_048_576,
  /** Of all bodies that have arrived and are not the relay's yet. */
  arrivedBytesMax: 67_108_864,
  depthMax: 100,
  /** Of the body itself, not of request_message. */
  membersMax: 64,
  urlCharactersMax: 2_048,
  appIdCharactersMax: 64,
  calleeNoCharactersMax: 64,
  callerNoCharactersMax: 64,
  messageTypeCharactersMax: 128,
  idempotencyKeyCharactersMax: 255,
} as const;

export const BODY_INCOMPLETE = '请求体不完整';
export const BODY_TOO_LARGE = `请求体过大，最多${CALLBACK_LIMITS.bodyBytesMax}字节`;

/** @throws CallbackFormError */
export function parseCallbackRequest(body: Buffer): CallbackRequest {
  return callbackRequestOf(readMembers(body));
}

/** The message that the members of a body make. @throws CallbackFormError */
export function callbackRequestOf(members: ReadonlyMap<string, JsonMember>): CallbackRequest {
  const limits = CALLBACK_LIMITS;
  const url = text(members, 'callback_url', limits.urlCharactersMax);
  const calleeNo = text(members, 'callee_no', limits.calleeNoCharactersMax);
  const appId = text(members, 'app_id', limits.appIdCharactersMax);
  const callerNo = text(members, 'caller_no', limits.callerNoCharactersMax);
  if (url === '' && calleeNo === '') throw missing('callback_url');
  if (appId === '') throw missing('app_id');
  // An empty message_type is the source's own sample; only an absent one is missing.
  const messageTypeKind = members.get('message_type')?.kind ?? 'null';
  if (messageTypeKind === 'null') throw missing('message_type');
  const messageType = text(members, 'message_type', limits.messageTypeCharactersMax);
  const message = members.get('request_message');
  if (message === undefined || message.kind === 'null') throw missing('request_message');
  if (message.kind !== 'object') throw new CallbackFormError('参数request_message必须是JSON对象');
  return {
    appId,
    destination: url === '' ? { calleeNo } : { url },
    callerNo: callerNo === '' ? null : callerNo,
    messageType,
    content: ownText(compactJsonText(message.source)),
  };
}

/** A copy: a slice would keep the body that it was cut from in memory for as long as the message is under way. */
function ownText(wellFormed: string): string {
  return Buffer.from(wellFormed, 'utf8').toString('utf8');
}

/** The Idempotency-Key header; undefined where there is none. @throws CallbackFormError */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !isIdempotencyKey(header)) {
    throw new CallbackFormError(`请求头Idempotency-Key${IDEMPOTENCY_KEY_FORM}`);
  }
  return header;
}

/** The member `idempotency_key` of one message of many; undefined where it is absent or null. @throws CallbackFormError */
export function idempotencyKeyOf(members: ReadonlyMap<string, JsonMember>): string | undefined {
  const member = members.get('idempotency_key');
  if (member === undefined || member.kind === 'null') return undefined;
  const { value } = member;
  if (typeof value !== 'string' || !isIdempotencyKey(value)) {
    throw new CallbackFormError(`参数idempotency_key${IDEMPOTENCY_KEY_FORM}`);
  }
  return value;
}

const IDEMPOTENCY_KEY_FORM = `必须是1到${CALLBACK_LIMITS.idempotencyKeyCharactersMax}个可见ASCII字符`;

function isIdempotencyKey(text: string): boolean {
  return text.length <= CALLBACK_LIMITS.idempotencyKeyCharactersMax && /^[\u0021-\u007e]+$/.test(text);
}

export function missing(name: string): CallbackFormError {
  return new CallbackFormError(`参数${name}不能为空`);
}

/** The members of one object, given as the bytes of a body or as text of one. @throws CallbackFormError */
export function readMembers(body: Buffer | string): ReadonlyMap<string, JsonMember> {
  const { bodyBytesMax: bytesMax, depthMax, membersMax } = CALLBACK_LIMITS;
  const limits = { bytesMax, depthMax, membersMax, duplicateKeys: 'refuse' } as const;
  try {
    if (typeof body === 'string' && Buffer.byteLength(body, 'utf8') > bytesMax) throw new JsonTextError('too_large');
    const { members } = typeof body === 'string' ? parseJsonObjectText(body, limits) : parseJsonObject(body, limits);
    return new Map(members.map((member) => [member.key, member]));
  } catch (error) {
    if (error instanceof JsonTextError) throw new CallbackFormError(FORM_MESSAGES[error.code](error), { cause: error });
    throw error;
  }
}

const FORM_MESSAGES: Readonly<Record<JsonTextErrorCode, (error: JsonTextError) => string>> = {
  too_large: () => BODY_TOO_LARGE,
  invalid_utf8: () => '请求体必须是UTF-8编码',
  invalid_json: (error) => `请求体不是合法的JSON，第${error.offset + 1}个字符处有误`,
  too_deep: () => `请求体嵌套过深，最多${CALLBACK_LIMITS.depthMax}层`,
  not_an_object: () => '请求体必须是JSON对象',
  too_many_members: () => `请求体的字段过多，最多${CALLBACK_LIMITS.membersMax}个`,
  duplicate_key: (error) => `参数${quotableKey(error.key ?? '')}重复`,
};

/** A text field, empty where it is absent or null. */
export function text(members: ReadonlyMap<string, JsonMember>, name: string, charactersMax: number): string {
  const member = members.get(name);
  if (member === undefined || member.kind === 'null') return '';
  const { value } = member;
  if (typeof value !== 'string') throw new CallbackFormError(`参数${name}必须是字符串`);
  if (value.length > charactersMax) throw new CallbackFormError(`参数${name}过长，最多${charactersMax}个字符`);
  // Neither can be stored or sent as UTF-8 text.
  if (value.includes('\u0000') || !value.isWellFormed()) throw new CallbackFormError(`参数${name}含有非法字符`);
  return value;
}
