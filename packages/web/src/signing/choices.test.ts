import { describe, expect, test } from 'vitest';
import type { FieldAnswer, SealAnswer } from '../../../server/src/dialects/signer/contract.ts';
import {
  choicesToSend,
  fill,
  formsFor,
  move,
  nextEmpty,
  othersFor,
  sizeOf,
  stillPossible,
  type Choices,
  type Signature,
} from './choices.ts';

const seal = (sealId: string, kind: SealAnswer['kind']): SealAnswer => ({
  sealId,
  kind,
  label: sealId,
  pictureUrl: sealId,
  width: 119,
  height: 119,
});
const SEALS = [seal('name', 'template'), seal('round', 'company')];
const field = (fieldId: string, changed: Partial<FieldAnswer> = {}): FieldAnswer => ({
  fieldId,
  placement: { kind: 'page', points: [{ page: 1, x: 100, y: 100 }] },
  width: null,
  forms: ['handwritten', 'template'],
  datePoints: [],
  ...changed,
});
const WRITTEN: Signature = {
  form: 'handwritten',
  handwriting: { width: 200, height: 50, strokes: [{ points: [[1, 1, 0.5]] }] },
};
const STAMPED: Signature = { form: 'template', seal: SEALS[0]! };
const AT = { page: 3, x: 200, y: 300 };
const NONE: Choices = new Map();
const FIELDS = [field('a'), field('b', { placement: { kind: 'free' } }), field('c', { forms: ['company'] })];

describe('choices', () => {
  test('one signature fills several fields; a free one stands where the reader is, and keeps its place', () => {
    const filled = fill(NONE, FIELDS.slice(0, 2), WRITTEN, AT);
    expect([...filled]).toEqual([
      ['a', { signature: WRITTEN, point: null }],
      ['b', { signature: WRITTEN, point: AT }],
    ]);
    const moved = move(filled, 'b', { page: 4, x: 1, y: 2 });
    expect(fill(moved, [FIELDS[1]!], STAMPED, AT).get('b')).toEqual({
      signature: STAMPED,
      point: { page: 4, x: 1, y: 2 },
    });
  });

  test('are sent when every field has one, with a place only where it is free', () => {
    const some = fill(NONE, FIELDS.slice(0, 2), STAMPED, AT);
    expect(choicesToSend(FIELDS, some)).toBeNull();
    expect(choicesToSend(FIELDS, fill(some, [FIELDS[2]!], { form: 'company', seal: SEALS[1]! }, AT))).toEqual([
      { fieldId: 'a', form: 'template', sealId: 'name' },
      { fieldId: 'b', form: 'template', sealId: 'name', points: [AT] },
      { fieldId: 'c', form: 'company', sealId: 'round' },
    ]);
  });

  test('of fields and seals that are gone are dropped', () => {
    const filled = fill(NONE, FIELDS.slice(0, 2), STAMPED, AT);
    expect(stillPossible(filled, FIELDS, SEALS)).toBe(filled);
    expect([...stillPossible(filled, FIELDS.slice(1), SEALS).keys()]).toEqual(['b']);
    expect(stillPossible(filled, FIELDS, [SEALS[1]!]).size).toBe(0);
    expect([...stillPossible(filled, [FIELDS[0]!, field('b')], SEALS).keys()]).toEqual(['a']);
  });

  test('go on with the next empty field, and from the start again', () => {
    const filled = fill(NONE, [FIELDS[1]!], WRITTEN, AT);
    expect(nextEmpty(FIELDS, filled, 'a')?.fieldId).toBe('c');
    expect(nextEmpty(FIELDS, filled, 'c')?.fieldId).toBe('a');
    expect(nextEmpty(FIELDS, filled, null)?.fieldId).toBe('a');
    expect(nextEmpty(FIELDS, fill(filled, FIELDS, WRITTEN, AT), 'a')).toBeNull();
    expect(othersFor(FIELDS, NONE, FIELDS[0]!, 'template').map(({ fieldId }) => fieldId)).toEqual(['b']);
  });

  test('a form that needs a seal is offered where there is one', () => {
    expect(formsFor(FIELDS[0]!, [])).toEqual(['handwritten']);
    expect(formsFor(FIELDS[0]!, SEALS)).toEqual(['handwritten', 'template']);
  });

  test('stand as large as the field says, else as what is drawn', () => {
    expect(sizeOf(FIELDS[0]!, WRITTEN, SEALS)).toEqual({ width: 120, height: 30 });
    expect(sizeOf(field('d', { width: 60 }), STAMPED, SEALS)).toEqual({ width: 60, height: 60 });
    expect(sizeOf(FIELDS[2]!, null, SEALS)).toEqual({ width: 119, height: 119 });
    expect(sizeOf(FIELDS[0]!, null, SEALS)).toEqual({ width: 120, height: 54 });
  });
});
