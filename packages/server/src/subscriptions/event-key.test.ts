import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coveringKeys, deriveEventKey, EVENT_KEY_CHARACTERS_MAX, isEventKey } from './event-key.ts';

// Few letters, so that levels begin with one another often: gs, gsx.
const level = fc.string({ unit: fc.constantFrom('a', 'g', 's', 'x', '1', '_', '-', '证'), minLength: 1, maxLength: 4 });
const levels = fc.array(level, { minLength: 1, maxLength: 4 });

describe('a key', () => {
  it.each(['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1', '合同.签署', 'A_b-9', `${'l'.repeat(64)}.b`])(
    '%s is one',
    (key) => {
      expect(isEventKey(key)).toBe(true);
    },
  );

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a.b.c.d.e',
    'a.*',
    '*',
    '#',
    'a b',
    'a.\n',
    'a/b',
    'l'.repeat(65),
    '\ud800',
    'a.'.repeat(9_999),
  ])('%j is none', (key) => {
    expect(isEventKey(key)).toBe(false);
  });

  it('may be as long as four full levels', () => {
    const longest = Array.from({ length: 4 }, () => '\u{20000}'.repeat(64)).join('.');
    expect(Array.from(longest)).toHaveLength(EVENT_KEY_CHARACTERS_MAX);
    expect(isEventKey(longest)).toBe(true);
  });

  it('of one to four levels is one, whatever the levels', () => {
    fc.assert(fc.property(levels, (parts) => isEventKey(parts.join('.'))));
  });
});

describe('an event', () => {
  it('goes to its whole levels and to nothing else that it begins with', () => {
    expect(coveringKeys('a.gs.cert.1')).toEqual(['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1']);
    expect(coveringKeys('a.gsx')).not.toContain('a.gs');
  });

  it('falls under a key exactly when its first levels are the levels of the key', () => {
    fc.assert(
      fc.property(levels, levels, (subscribed, published) => {
        const covered = coveringKeys(published.join('.')).includes(subscribed.join('.'));
        expect(covered).toBe(subscribed.every((part, index) => published[index] === part));
      }),
    );
  });

  it('under a beginning of a key falls under every shorter beginning', () => {
    fc.assert(
      fc.property(levels, fc.array(level, { maxLength: 3 }), (first, more) => {
        const published = [...first, ...more].slice(0, 4);
        const kept = published.slice(0, Math.min(first.length, published.length));
        expect(coveringKeys(published.join('.'))).toEqual(expect.arrayContaining(coveringKeys(kept.join('.'))));
      }),
    );
  });
});

describe('a key that the publisher left out', () => {
  it('is source, topic, type and status', () => {
    expect(deriveEventKey(['a', 'gs', 'cert', '1'])).toBe('a.gs.cert.1');
  });

  it('is not made of parts that would be several levels, or none', () => {
    expect(deriveEventKey(['a.gs', 'cert', '1', '2'])).toBeNull();
    expect(deriveEventKey(['a', 'gs', 'cert', '1.10'])).toBeNull();
    expect(deriveEventKey(['a', 'g s', 'cert', '1'])).toBeNull();
  });

  it('is a key whenever there is one', () => {
    const part = fc.oneof(level, fc.string());
    fc.assert(
      fc.property(fc.tuple(part, part, part, part), (parts) => {
        const key = deriveEventKey(parts);
        if (key !== null) expect([isEventKey(key), key.split('.')]).toEqual([true, parts]);
      }),
    );
  });
});
