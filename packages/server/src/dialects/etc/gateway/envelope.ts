import type { SignType } from '../../../apps/index.ts';
import { JsonTextError, parseJsonObject, parseJsonObjectText, quotableKey } from '../../../platform/json-text.ts';
import type { JsonMember, JsonObjectText, JsonTextErrorCode } from '../../../platform/json-text.ts';
import { FORM, GatewayRefusal } from './answers.ts';
import type { Answer, Dialect } from './answers.ts';
import { isNested, newerSignedTexts, olderSignedTexts } from './signed-text.ts';

export const BODY_BYTES_MAX = 2 * 1024 * 1024;
/** createFlowOneStep, the deepest command, needs ten. */
const DEPTH_MAX = 32;
/** Of the body, of params, of request_content: all are read, and those of params sorted, before anything is proved. */
const MEMBERS_MAX = 256;
const TEXT_LIMITS = { depthMax: DEPTH_MAX, membersMax: MEMBERS_MAX, duplicateKeys: 'refuse' } as const;
const API_CODE_LENGTH_MAX = 64;
/** The contract says 255, which an RSA-2048 signature in Base64 (344) exceeds; this holds the largest key taken here. */
const SIGN_LENGTH_MAX = 2_048;
const NONCE = /^[A-Za-z0-9]{6}$/;
const TIMESTAMP = /^\d{13}$/;

/** A request whose form is right. Nothing in it is proved yet. */
export interface Envelope {
  readonly dialect: Dialect;
  readonly appId: string;
  readonly nonce: string;
  readonly timestampMs: number;
  readonly sign: string;
  readonly signType: SignType | undefined;
  readonly apiCode: string;
  /** The command's parameters, as the members of their object; none where it was absent. */
  readonly params: readonly JsonMember[];
  /** True where params hold objects or arrays that this dialect's signature leaves out. */
  readonly hasUnsignedParams: boolean;
  /** The texts of which one must be what was signed. */
  readonly signedTexts: readonly string[];
}

/** The names of the envelope's fields in a dialect, in the order in which a missing one is reported. */
const NAMES = {
  older: { appId: 'appId', apiCode: 'apiCode', content: 'params', signType: 'signType' },
  newer: { appId: 'app_id', apiCode: 'api_code', content: 'request_content', signType: 'sign_type' },
} as const satisfies Record<Dialect, object>;

/** The outcome of reading a body: the dialect is known, or guessed, even where the rest is not right. */
export interface OpenedBody {
  readonly dialect: Dialect;
  /** Reads the rest. Throws `GatewayRefusal` at the first fault. */
  read(): Envelope;
}

/**
 * Opens a body far enough to know the dialect: `app_id` is the newer, `appId` the older. Where neither stands, the
 * other names decide; where nothing can be read, the answer is the older dialect's, which is seed 002's.
 */
export function openBody(bytes: Uint8Array): OpenedBody {
  let object: JsonObjectText;
  try {
    object = parseJsonObject(bytes, { ...TEXT_LIMITS, bytesMax: BODY_BYTES_MAX });
  } catch (error) {
    const refusal = refusalOf(error, '');
    return {
      dialect: 'older',
      read: () => {
        throw refusal;
      },
    };
  }
  const members = new Map(object.members.map((member) => [member.key, member]));
  const newer =
    members.has('app_id') || (!members.has('appId') && (members.has('api_code') || members.has('request_content')));
  const dialect: Dialect = newer ? 'newer' : 'older';
  return { dialect, read: () => readEnvelope(dialect, members) };
}

function readEnvelope(dialect: Dialect, members: ReadonlyMap<string, JsonMember>): Envelope {
  if (members.has('app_id') && members.has('appId')) throw new GatewayRefusal(FORM.bothDialects);
  const names = NAMES[dialect];
  const appId = requiredText(members, names.appId);
  const nonce = requiredText(members, 'nonce', NONCE, '6位字母或数字');
  const timestamp = requiredTimestamp(members);
  const sign = requiredText(members, 'sign');
  if (sign.length > SIGN_LENGTH_MAX)
    throw new GatewayRefusal(FORM.wrong('sign', `不超过${SIGN_LENGTH_MAX}个字符的Base64签名`));
  const apiCode = requiredText(members, names.apiCode);
  if (Array.from(apiCode).length > API_CODE_LENGTH_MAX) {
    throw new GatewayRefusal(FORM.wrong(names.apiCode, `不超过${API_CODE_LENGTH_MAX}个字符的字符串`));
  }
  const signType = optionalSignType(members, names.signType);
  const head = { dialect, appId, nonce, timestampMs: Number(timestamp), sign, signType, apiCode };
  const signed = { appId, apiCode, nonce, timestamp };
  if (dialect === 'newer') {
    const requestContent = optionalContent(members.get(names.content));
    const params =
      requestContent === undefined || requestContent.trim() === '' ? [] : readObject(requestContent, names.content);
    return { ...head, params, hasUnsignedParams: false, signedTexts: newerSignedTexts({ ...signed, requestContent }) };
  }
  const params = olderParams(members.get(names.content));
  return {
    ...head,
    params,
    hasUnsignedParams: params.some(isNested),
    signedTexts: olderSignedTexts({ ...signed, params }),
  };
}

function requiredText(
  members: ReadonlyMap<string, JsonMember>,
  name: string,
  pattern?: RegExp,
  expected = '字符串',
): string {
  const member = members.get(name);
  if (member === undefined || member.kind === 'null') throw new GatewayRefusal(FORM.empty(name));
  if (member.kind !== 'string') throw new GatewayRefusal(FORM.wrong(name, expected));
  const text = wholeText(member, name);
  if (text.trim() === '') throw new GatewayRefusal(FORM.empty(name));
  if (pattern !== undefined && !pattern.test(text)) throw new GatewayRefusal(FORM.wrong(name, expected));
  return text;
}

/** 13 digits, as a JSON number or string: the digits stand in the signed text either way. */
function requiredTimestamp(members: ReadonlyMap<string, JsonMember>): string {
  const member = members.get('timestamp');
  const expected = '13位毫秒时间戳';
  if (member?.kind !== 'number') return requiredText(members, 'timestamp', TIMESTAMP, expected);
  if (!TIMESTAMP.test(member.source)) throw new GatewayRefusal(FORM.wrong('timestamp', expected));
  return member.source;
}

function optionalSignType(members: ReadonlyMap<string, JsonMember>, name: string): SignType | undefined {
  const member = members.get(name);
  if (member === undefined || member.kind === 'null') return undefined;
  const { value } = member;
  if (value === 'RSA' || value === 'RSA2') return value;
  throw new GatewayRefusal(FORM.wrong(name, 'RSA或RSA2'));
}

function optionalContent(member: JsonMember | undefined): string | undefined {
  if (member === undefined || member.kind === 'null') return undefined;
  if (member.kind !== 'string') throw new GatewayRefusal(FORM.wrong(member.key, '内容为JSON对象的字符串'));
  return wholeText(member, member.key);
}

/**
 * The older dialect's params. A scalar that bears the name of an envelope field is refused: the signed text would name
 * it twice and nobody could tell which is which.
 */
function olderParams(member: JsonMember | undefined): readonly JsonMember[] {
  if (member === undefined || member.kind === 'null') return [];
  if (member.kind !== 'object') throw new GatewayRefusal(FORM.wrong(member.key, 'JSON对象'));
  const members = readObject(member.source, member.key);
  for (const param of members) {
    if (['appId', 'apiCode', 'nonce', 'timestamp'].includes(param.key))
      throw new GatewayRefusal(FORM.shadowed(param.key));
    const path = `params.${quotableKey(param.key)}`;
    if (!param.key.isWellFormed()) throw new GatewayRefusal(FORM.wrong('params', '名称为合法Unicode文本的JSON对象'));
    if (param.kind === 'string') wholeText(param, path);
  }
  return members;
}

/** A string's text. Half a surrogate pair has no UTF-8, so different ones would be signed alike. */
function wholeText(member: JsonMember, path: string): string {
  const text = String(member.value);
  if (!text.isWellFormed()) throw new GatewayRefusal(FORM.wrong(path, '合法的Unicode文本'));
  return text;
}

function readObject(source: string, name: string): readonly JsonMember[] {
  try {
    return parseJsonObjectText(source, TEXT_LIMITS).members;
  } catch (error) {
    throw refusalOf(error, name);
  }
}

/** What a text fault means to the caller. `name` is the field that holds the text, empty for the body. */
function refusalOf(error: unknown, name: string): unknown {
  if (!(error instanceof JsonTextError)) return error;
  const where = name === '' ? FORM.notJson : FORM.wrong(name, 'JSON对象');
  const answers = {
    too_large: FORM.tooLarge,
    too_deep: FORM.tooDeep,
    too_many_members: name === '' ? FORM.bodyTooMany(MEMBERS_MAX) : FORM.tooMany(name, MEMBERS_MAX),
    duplicate_key: FORM.repeatedKey([name, quotableKey(error.key ?? '')].filter((part) => part !== '').join('.')),
    invalid_utf8: where,
    invalid_json: where,
    not_an_object: where,
  } satisfies Record<JsonTextErrorCode, Answer>;
  return new GatewayRefusal(answers[error.code]);
}
