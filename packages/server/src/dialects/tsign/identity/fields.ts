import { FORM, TsignRefusal } from '../errors.ts';
import { emptyField } from './errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const CONTROL_CHARACTER = /\p{Cc}/u;

/** A text that may be absent: null, missing and empty are the same. @throws TsignRefusal 30500101 */
export function optionalText(fields: Fields, name: string, charactersMax: number): string | null {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string') throw new TsignRefusal(FORM.wrong(name, '字符串'));
  if (!value.isWellFormed() || CONTROL_CHARACTER.test(value)) {
    throw new TsignRefusal(FORM.wrong(name, '不含控制字符的文本'));
  }
  if (Array.from(value).length > charactersMax) {
    throw new TsignRefusal(FORM.wrong(name, `不超过${charactersMax}个字符的字符串`));
  }
  return value;
}

/** @throws TsignRefusal 30500100 or the field's own code; 30500101 */
export function requiredText(fields: Fields, name: string, charactersMax: number): string {
  const value = optionalText(fields, name, charactersMax);
  if (value === null || value.trim() === '') throw new TsignRefusal(emptyField(name));
  return value;
}

export function textLike(fields: Fields, name: string, pattern: RegExp, expected: string): string {
  const value = requiredText(fields, name, 64);
  if (!pattern.test(value)) throw new TsignRefusal(FORM.wrong(name, expected));
  return value;
}

/** True or false, also as words. */
export function flag(fields: Fields, name: string, otherwise: boolean): boolean {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return otherwise;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new TsignRefusal(FORM.wrong(name, 'true或false'));
}

/** The flow that the path names. @throws TsignRefusal 30500102 */
export function flowKey(request: { appId: string; params: Readonly<Record<string, string>> }): {
  appId: string;
  flowId: string;
} {
  return { appId: request.appId, flowId: requiredText(request.params, 'flowId', 64) };
}

/** contextId and notifyUrl, which every beginning of a flow may carry. */
export function callbackFields(body: Fields): { contextId: string | null; notifyUrl: string | null } {
  return { contextId: optionalText(body, 'contextId', 256), notifyUrl: optionalText(body, 'notifyUrl', 512) };
}

/** For the audit. */
export function actorOf(appId: string): string {
  return `app:${appId}`;
}
