import type { EmbeddedSignature } from '../signatures.ts';
import type { ValidationData } from '../validation-data.ts';
import { asBuffer, movable } from './messages.ts';
import type { ThreadMessage, UpgradeJob } from './messages.ts';

type Limits = { bytesMax: number };

/** A file with the signatures in it, as `readSignatures` finds them. */
export type ReadPdf = { pdf: Buffer; signatures: readonly EmbeddedSignature[] };

/** Steps to a signature's higher level, on threads. The file is taken over by each, and answered. */
export interface PdfUpgrades {
  /** @throws DomainError with a `PdfRefusal` as its code, `pdf_threads_busy` */
  readSignatures(pdf: Buffer, limits: Limits): Promise<ReadPdf>;
  /** As `appendValidationData`. Errors as above. */
  addValidationData(pdf: Buffer, data: ValidationData, limits: Limits): Promise<ReadPdf>;
  /**
   * Appends a document timestamp with nothing in its room (`fillLastContents`), the last of the signatures that are answered:
   * it is to cover what has this SHA-256 digest. `original` is the file as it was. Errors as above.
   */
  addTimestampRoom(
    pdf: Buffer,
    room: { fieldName: string; tokenBytesMax: number },
    limits: Limits,
  ): Promise<ReadPdf & { original: Buffer; sha256: Buffer }>;
}

/** @param run hands a job to a thread; @param errorOf what another end than the awaited one is */
export function createPdfUpgrades(
  run: (job: UpgradeJob) => Promise<ThreadMessage>,
  errorOf: (ended: ThreadMessage) => Error,
): PdfUpgrades {
  async function ended(job: UpgradeJob): Promise<Extract<ThreadMessage, { kind: 'upgraded' }>> {
    const message = await run(job);
    if (message.kind !== 'upgraded') throw errorOf(message);
    return message;
  }
  const read = ({ pdf, signatures }: Extract<ThreadMessage, { kind: 'upgraded' }>): ReadPdf => ({
    pdf: asBuffer(pdf),
    signatures: signatures.map(({ fieldName, kind, byteRange, contents }) => ({
      fieldName,
      kind,
      byteRange,
      contents: asBuffer(contents),
    })),
  });

  return {
    readSignatures: async (pdf, limits) => read(await ended({ kind: 'read', pdf: movable(pdf), limits })),

    async addValidationData(pdf, { certificates, revocationLists, statusResponses }, limits) {
      // Copies: a short Buffer shares its memory with whatever else is in its pool.
      const copies = (items: readonly Buffer[]): Uint8Array[] => items.map((item) => new Uint8Array(item));
      const data = {
        certificates: copies(certificates),
        revocationLists: copies(revocationLists),
        statusResponses: copies(statusResponses),
      };
      return read(await ended({ kind: 'evidence', pdf: movable(pdf), data, limits }));
    },

    async addTimestampRoom(pdf, room, limits) {
      const message = await ended({ kind: 'timestamp', pdf: movable(pdf), ...room, limits });
      if (message.original === undefined || message.sha256 === undefined) throw new Error('a room without its digest');
      return { ...read(message), original: asBuffer(message.original), sha256: asBuffer(message.sha256) };
    },
  };
}
