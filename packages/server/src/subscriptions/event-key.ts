/** Keys of events: up to four levels joined by dots, such as `a.gs.cert.1`. Pure. */

/** Source, topic, type and status. */
export const EVENT_KEY_LEVELS_MAX = 4;
const LEVEL_CHARACTERS_MAX = 64;
/** Letters and digits of any script, `_` and `-`: no dot, which would be two levels, and nothing that looks like a wildcard. */
const LEVEL = new RegExp(`^[\\p{L}\\p{N}_-]{1,${LEVEL_CHARACTERS_MAX}}$`, 'u');

/** Of a whole key, dots among them. */
export const EVENT_KEY_CHARACTERS_MAX = EVENT_KEY_LEVELS_MAX * (LEVEL_CHARACTERS_MAX + 1) - 1;

/** Whether the text is one to four whole levels. Letters are told apart by case. */
export function isEventKey(text: string): boolean {
  // A stranger's text may be long; it is not split before it is known to be short.
  if (text.length > 2 * EVENT_KEY_CHARACTERS_MAX) return false;
  const levels = text.split('.');
  return levels.length <= EVENT_KEY_LEVELS_MAX && levels.every((level) => LEVEL.test(level));
}

/** The key that an event has where its publisher gave none; null where a part is no level. */
export function deriveEventKey(parts: readonly [string, string, string, string]): string | null {
  return parts.every((part) => LEVEL.test(part)) ? parts.join('.') : null;
}

/**
 * The keys whose subscriptions an event with this key goes to: its beginnings of whole levels, itself among them.
 *
 * @example coveringKeys('a.gs.cert.1') // ['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1']
 */
export function coveringKeys(eventKey: string): string[] {
  const levels = eventKey.split('.');
  return levels.map((_level, index) => levels.slice(0, index + 1).join('.'));
}
