/** A thread that examines one file after the other: see `createValidation`. */
import { parentPort } from 'node:worker_threads';
import { DomainError } from '../platform/errors.ts';
import { examine } from './examine.ts';
import type { ExaminationInput } from './examine.ts';
import type { ValidationReport } from './report.ts';

export type ThreadRequest = Omit<ExaminationInput, 'pdf'> & { pdf: Uint8Array<ArrayBuffer> };

export type ThreadAnswer =
  | { kind: 'report'; report: ValidationReport }
  | { kind: 'refused'; code: string }
  | { kind: 'failed'; detail: string };

parentPort?.on('message', ({ pdf, ...input }: ThreadRequest) => {
  const { buffer, byteOffset, byteLength } = pdf;
  parentPort?.postMessage(answerTo({ ...input, pdf: Buffer.from(buffer, byteOffset, byteLength) }), []);
});

function answerTo(input: ExaminationInput): ThreadAnswer {
  try {
    return { kind: 'report', report: examine(input) };
  } catch (error) {
    if (error instanceof DomainError) return { kind: 'refused', code: error.code };
    // Deep nesting of whatever kind ends in a RangeError: no honest file is like that.
    if (error instanceof RangeError) return { kind: 'refused', code: 'damaged' };
    return { kind: 'failed', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
