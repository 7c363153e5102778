import { createHash } from 'node:crypto';
import { parseJsonObjectText, type JsonMember } from '../platform/json-text.ts';
import type { Destination } from './destination.ts';

const KEY_CHARACTERS_MAX = 200;
/** Deeper than any message that is accepted. */
const DEPTH_MAX = 128;
/** What keys begin with that are no plain texts; a text that begins so is told by its hash. */
const MARKED = /^(?:number|boolean|sha256):/;

/**
 * The ordering key of a message for a destination, or null: it has no setting for one, or the message has no such value.
 * Texts are keys as they are; numbers and booleans are keys as they are written, marked by their kind (`number:17`), so
 * that no two values are one key: neither 9007199254740992 and 9007199254740993 nor `"true"` and `true`. A key that is
 * too long for an index, or not storable, is told by its hash.
 *
 * @param content the message as JSON source text
 * @param header the request's header of that name (lower case), if any
 */
export function orderingKeyOf(
  destination: Pick<Destination, 'orderingKeyPath' | 'orderingKeyHeader'> | null,
  content: string,
  header: (name: string) => string | undefined,
): string | null {
  if (destination === null) return null;
  const { orderingKeyPath, orderingKeyHeader } = destination;
  if (orderingKeyHeader !== null) {
    const text = header(orderingKeyHeader);
    return text === undefined ? null : keyOfText(text);
  }
  const member = orderingKeyPath === null ? null : memberAt(content, orderingKeyPath);
  if (member?.kind === 'string') return keyOfText(String(member.value));
  if (member?.kind !== 'number' && member?.kind !== 'boolean') return null;
  const key = `${member.kind}:${member.source}`;
  return key.length <= KEY_CHARACTERS_MAX ? key : hashed(member.source);
}

/** What stands at a path of keys joined by dots; of a key that stands twice the last, as JSON parsers have it. */
function memberAt(content: string, path: string): JsonMember | null {
  let at: JsonMember | null = null;
  try {
    for (const key of path.split('.')) {
      if (at !== null && at.kind !== 'object') return null;
      const { members } = parseJsonObjectText(at?.source ?? content, { depthMax: DEPTH_MAX });
      const found = members.findLast((member) => member.key === key);
      if (found === undefined) return null;
      at = found;
    }
  } catch {
    // no JSON object
    return null;
  }
  return at;
}

function keyOfText(text: string): string {
  const isStorable = text.isWellFormed() && !text.includes('\u0000');
  if (text.length <= KEY_CHARACTERS_MAX && isStorable && !MARKED.test(text)) return text;
  // As JSON: a text begins with a quotation mark and a number does not; half a surrogate pair is an escape.
  return hashed(JSON.stringify(text));
}

function hashed(source: string): string {
  return `sha256:${createHash('sha256').update(source, 'utf8').digest('hex')}`;
}
