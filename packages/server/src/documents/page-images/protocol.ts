/** What is said between the service and a thread that draws pages. */

export interface DrawRequest {
  readonly id: number;
  /** Names the document: the same key is the same bytes. */
  readonly key: string;
  /** The document, where the thread has not got it open. */
  readonly pdf?: Uint8Array;
  /** From 1. */
  readonly page: number;
  readonly widthPixels: number;
  /** A PNG whatever it takes, where a page is a picture too. */
  readonly pngOnly: boolean;
}

export interface PageImage {
  readonly contentType: 'image/png' | 'image/jpeg';
  readonly bytes: Buffer;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

export type DrawFault = 'page_missing' | 'page_unreadable';

export type DrawAnswer = {
  readonly id: number;
  /** Documents that the thread has open after this. */
  readonly openKeys: readonly string[];
  /** The thread must draw nothing more. */
  readonly isSpoilt: boolean;
} & (
  | { readonly ok: true; readonly image: Omit<PageImage, 'bytes'> & { readonly bytes: Uint8Array } }
  | { readonly ok: false; readonly fault: DrawFault; readonly reason: string }
);

export interface DrawLimits {
  /** Documents open at once in a thread. */
  readonly openMax: number;
  readonly pixelsMax: number;
  /** The thread's memory for PDFium; asking for more fails as if there were none. */
  readonly memoryBytesMax: number;
}
