import { beforeAll, describe, expect, test } from 'vitest';
import { stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import {
  annotation,
  changed,
  contractWithEverything,
  edited,
  handSigned,
  report,
  signedContract,
} from '../support/tampering.ts';

let signer: TestSigner;
let other: TestSigner;
let roots: Buffer[];
/** The contract, signed once, a seal on its first page. */
let signed: Buffer;

beforeAll(async () => {
  ({ signer, other, roots, signed } = await signedContract());
});

describe('what a signature permits', () => {
  const reference = (parameters: string, method = 'DocMDP'): string =>
    `/Reference[<</Type/SigRef/TransformMethod/${method}/TransformParams<</Type/TransformParams/V/1.2${parameters}>>>>]`;
  const certified = (level: number) =>
    handSigned(contractWithEverything(), signer, { name: 'c', dictionary: reference(`/P ${level}`) });
  const fill = (pdf: Buffer): Buffer => changed(pdf, 19, '(1000)', '(9000)');
  const note = annotation('/Subtype/FreeText/Rect[0 0 50 50]/Contents(paid)');

  test.each([
    [1, 'changed', 'changed', 'changed'],
    [2, 'valid_with_changes', 'changed', 'valid'],
    [3, 'valid_with_changes', 'valid_with_changes', 'valid'],
  ])('at level %i', async (level, filled, annotated, signedToo) => {
    const pdf = await certified(level);
    expect(report(pdf, roots).verdict).toBe('valid');
    expect(report(fill(pdf), roots).verdict).toBe(filled);
    expect(report(note(pdf), roots).verdict).toBe(annotated);
    expect(report(await handSigned(pdf, other, { name: 'd' }), roots).verdict).toBe(signedToo);
    expect(report(edited(pdf, { 7: stream('', Buffer.from('x')) }), roots).verdict).toBe('changed');
  });

  test('a field that it locks, and one that it leaves open', async () => {
    const lock = (action: string) =>
      handSigned(contractWithEverything(), signer, {
        name: 'c',
        dictionary: reference(`/Action/${action}/Fields[(note)]`, 'FieldMDP'),
      });
    const fillNote = (pdf: Buffer): Buffer => changed(pdf, 21, '/V()', '/V(ok)');
    expect(report(fillNote(await lock('Include')), roots).verdict).toBe('changed');
    expect(report(fillNote(await lock('Exclude')), roots).verdict).toBe('valid_with_changes');
    expect(report(fill(await lock('Exclude')), roots).verdict).toBe('changed');
  });

  test('a later signature grants nothing for an earlier one', async () => {
    const pdf = await handSigned(signed, other, { name: 'c', dictionary: reference('/P 3') });
    const found = report(note(pdf), roots);
    expect(found.signatures.map(({ verdict }) => verdict)).toEqual(['changed', 'valid_with_changes']);
  });
});
