/** What a signer chose for their fields, in the words of signing. */

/**
 * A handwriting: strokes in a box of its own, from its upper left, each point x, y and pressure from 0 to 1. The vectors
 * are kept, so that it can be drawn at any size.
 */
export interface Handwriting {
  readonly width: number;
  readonly height: number;
  readonly strokes: readonly { readonly points: readonly (readonly [x: number, y: number, pressure: number])[] }[];
}

/** The centre of a mark on a page, in points of the page as seen, from its lower left; pages count from 1. */
export interface ChosenPoint {
  readonly page: number;
  readonly x: number;
  readonly y: number;
}

/** How one field is signed; `points` where the placement is free, and only there. */
export type FieldChoice =
  | {
      readonly fieldId: string;
      readonly form: 'handwritten';
      readonly handwriting: Handwriting;
      readonly points?: readonly ChosenPoint[];
    }
  | {
      readonly fieldId: string;
      readonly form: 'template' | 'company';
      readonly sealId: string;
      readonly points?: readonly ChosenPoint[];
    };

/** Where on a page, from 1, something of a field stands: left, bottom, right, top in points of the page as seen. */
export interface MarkPlace {
  readonly page: number;
  readonly rect: readonly [left: number, bottom: number, right: number, top: number];
}

/** The choices with equal handwritings as one object: one that was written once for many fields is drawn once. */
export function sharedHandwritings(choices: readonly FieldChoice[]): FieldChoice[] {
  const known = new Map<string, Handwriting>();
  return choices.map((choice) => {
    if (choice.form !== 'handwritten') return choice;
    const written = JSON.stringify(choice.handwriting);
    const handwriting = known.get(written) ?? choice.handwriting;
    known.set(written, handwriting);
    return { ...choice, handwriting };
  });
}
