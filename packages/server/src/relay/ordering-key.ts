import { createHash } from 'node:crypto';
import type { Destination } from './destination.ts';
import { valueAtPath } from './json-path.ts';

const KEY_CHARACTERS_MAX = 200;

/**
 * The ordering key of a message for a destination, or null: it has no setting for one, or the message has no such value.
 * Strings, numbers and booleans are keys; one that is too long for an index is told by its hash.
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
  if (orderingKeyHeader !== null) return bounded(header(orderingKeyHeader));
  return orderingKeyPath === null ? null : bounded(valueAt(content, orderingKeyPath));
}

function valueAt(content: string, path: string): unknown {
  try {
    return valueAtPath(JSON.parse(content), path);
  } catch {
    return undefined;
  }
}

function bounded(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const key = String(value);
  const storable = key.isWellFormed() && !key.includes('\u0000');
  if (key.length <= KEY_CHARACTERS_MAX && storable) return key;
  return `sha256:${createHash('sha256').update(key, 'utf8').digest('hex')}`;
}
