import { JsonTextError, parseJsonObject } from '../../platform/json-text.ts';
import { FORM, TsignRefusal, type Refusal } from './errors.ts';
import type { Failure } from './failures.ts';

export const BODY_BYTES_MAX = 2 * 1024 * 1024;
const DEPTH_MAX = 32;

/** The JSON text of an answer, in the contract's key order. */
export function successText(data: unknown): string {
  return JSON.stringify({ code: 0, message: '成功', data: data ?? null });
}

/** The same for a refusal: `data` is there as null, so that a client's type has one shape. */
export function refusalText({ code, message }: Refusal): string {
  return JSON.stringify({ code, message, data: null });
}

/** What who is not let in reads: no data. */
export function failureText({ code, message }: Failure): string {
  return JSON.stringify({ success: false, code, message });
}

/**
 * The JSON object of a body; an empty body is an empty object, since callers leave it out where nothing is to be said.
 *
 * @throws TsignRefusal 30500101
 */
export function readJsonBody(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {};
  try {
    const { source } = parseJsonObject(bytes, { depthMax: DEPTH_MAX, bytesMax: BODY_BYTES_MAX });
    return JSON.parse(source) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const refusals: Partial<Record<JsonTextError['code'], Refusal>> = {
      too_deep: FORM.tooDeep,
      too_large: FORM.tooLarge,
    };
    throw new TsignRefusal(refusals[error.code] ?? FORM.notJson);
  }
}
