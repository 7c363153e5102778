import { isMarkedAsUntransferable } from 'node:worker_threads';
import type { PreparedSignatures, SignatureTerms } from '../append-signatures.ts';
import type { PageSize } from '../pdf-check.ts';
import type { ContentsMaker } from '../signature-placeholder.ts';
import type { EmbeddedSignature } from '../signatures.ts';
import type { ValidationData } from '../validation-data.ts';

/** What a thread is to do with a PDF. Its bytes are moved to the thread, and come back with the outcome. */
export type PdfJob = {
  pdf: Uint8Array<ArrayBuffer>;
  limits: { bytesMax: number; pagesMax?: number };
  /** What the file may grow to by its signatures. */
  grownBytesMax: number;
} & ({ kind: 'rehearse' } | { kind: 'sign'; terms: SignatureTerms; /** What the file should have. */ sha256?: string });

/** A step towards a signature's higher level: which signatures there are, evidence for them, room for a timestamp. */
export type UpgradeJob = {
  pdf: Uint8Array<ArrayBuffer>;
  limits: { bytesMax: number };
} & (
  | { kind: 'read' }
  | { kind: 'evidence'; data: Readonly<Record<keyof ValidationData, readonly Uint8Array[]>> }
  | { kind: 'timestamp'; fieldName: string; tokenBytesMax: number }
);

/** An `EmbeddedSignature` on its way between threads. */
export type MovedSignature = Omit<EmbeddedSignature, 'contents'> & { contents: Uint8Array };

/** The signatures of a job. */
export type PlacedSignatures = {
  kind: 'placed';
  prepared: PreparedSignatures;
} & Pick<ContentsMaker, 'digestAlgorithm' | 'signatureBytesMax'>;

/** From the caller to the thread; each is answered by one `ThreadMessage`. */
export type CallerMessage =
  /** With the signatures at once, where the sizes of the pages are known: each word between threads costs 60 µs. */
  | { kind: 'begin'; job: PdfJob; placed?: PlacedSignatures }
  | { kind: 'upgrade'; job: UpgradeJob }
  | PlacedSignatures
  /** No signature after all. */
  | { kind: 'abandoned' }
  /** The CMS over the digest that the thread has named; DER. */
  | { kind: 'contents'; der: Uint8Array };

export type ThreadMessage =
  | { kind: 'ready' }
  | { kind: 'opened'; pages: readonly PageSize[] }
  | { kind: 'digest'; digest: Uint8Array }
  | { kind: 'done'; pieces: readonly Uint8Array<ArrayBuffer>[]; sha256: string }
  | { kind: 'abandoned'; pdf: Uint8Array<ArrayBuffer> }
  /** With a timestamp's room: the file as it was as well, and what the timestamp covers. */
  | {
      kind: 'upgraded';
      pdf: Uint8Array<ArrayBuffer>;
      signatures: readonly MovedSignature[];
      original?: Uint8Array<ArrayBuffer>;
      sha256?: Uint8Array;
    }
  /** A `DomainError`, `detail` what caused it. */
  | {
      kind: 'refused';
      code: string;
      params: Readonly<Record<string, string>>;
      detail: string | undefined;
      pdf: Uint8Array;
    }
  | { kind: 'failed'; detail: string };

/**
 * The bytes in memory of their own, which can be moved to another thread. They are copied where they share theirs: a
 * short Buffer lies in a pool with others.
 */
export function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  if (isOwn && !isMarkedAsUntransferable(buffer)) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}

/** The same bytes as a Buffer. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
