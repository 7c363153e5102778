import { DomainError } from '../../platform/errors.ts';

/** The file does not hold together as a PDF. `cause` says where; it is for the log. */
export class DamagedPdf extends DomainError<'damaged' | 'too_complex'> {
  constructor(detail: string, cause?: unknown, code: 'damaged' | 'too_complex' = 'damaged') {
    super(code, {}, { cause: cause ?? new Error(detail) });
  }
}

/** The file takes more work to read than any honest one: a bomb, or as good as one. */
export class TooComplexPdf extends DamagedPdf {
  constructor(detail: string) {
    super(detail, undefined, 'too_complex');
  }
}

/**
 * Limits on the work one file may cause. A hostile file can point a thousand objects at the same ten megabytes, loop its
 * references or inflate without end; whatever it does, it can spend no more than this, and then it is refused.
 * All are far above what an honest contract of 50 MB and 2000 pages needs.
 */
export const PDF_LIMITS = {
  parsedBytesMax: 32 * 1024 * 1024,
  parsedValuesMax: 2_000_000,
  inflatedBytesMax: 96 * 1024 * 1024,
  /** One object stream or cross-reference stream, inflated. */
  streamBytesMax: 32 * 1024 * 1024,
  xrefEntriesMax: 500_000,
  /** Entries of all sections together, also those that newer ones hide. */
  xrefEntriesReadMax: 2_000_000,
  /** A revision each, and a seal across 2,000 pages is a signature and so a revision on each. */
  xrefSectionsMax: 10_000,
  nestingMax: 64,
  /** Streams whose /Length is wrong, each of which costs a scan of the file for `endstream`. */
  streamScansMax: 16,
} as const;

/** What is left of the limits for one file. */
export class ParseBudget {
  #bytes: number = PDF_LIMITS.parsedBytesMax;
  #values: number = PDF_LIMITS.parsedValuesMax;
  #inflated: number = PDF_LIMITS.inflatedBytesMax;
  #xrefEntries: number = PDF_LIMITS.xrefEntriesReadMax;
  #scans: number = PDF_LIMITS.streamScansMax;

  spendBytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw new TooComplexPdf('too many bytes of structure');
  }

  spendValue(): void {
    this.#values -= 1;
    if (this.#values < 0) throw new TooComplexPdf('too many values in the structure');
  }

  spendXrefEntries(count: number): void {
    this.#xrefEntries -= count;
    if (this.#xrefEntries < 0) throw new TooComplexPdf('too many cross-reference entries');
  }

  spendScan(): void {
    this.#scans -= 1;
    if (this.#scans < 0) throw new TooComplexPdf('too many streams of a wrong length');
  }

  /** How much one more stream may inflate to. */
  inflatedBytesLeft(): number {
    return Math.min(this.#inflated, PDF_LIMITS.streamBytesMax);
  }

  spendInflated(count: number): void {
    this.#inflated -= count;
    if (this.#inflated < 0) throw new TooComplexPdf('the streams inflate to too much');
  }
}
