/** Files, what can be signed, where a seal stands, and the PDF signature itself: the whole public face. */
export { sliceAppearance } from './appearance.ts';
export type { Appearance, AppearancePath, PathCommand } from './appearance.ts';
export { fileUrl, verifyFileUrl } from './file-url.ts';
export type { FileKey, FileUrlParts } from './file-url.ts';
export { createDirectoryFileStore } from './file-store-directory.ts';
export { createDocuments } from './files.ts';
export type { Documents } from './files.ts';
export { checkPdf } from './pdf-check.ts';
export type { PageSize, PdfCheck, PdfRefusal } from './pdf-check.ts';
export { pictureKind, readPicture } from './picture.ts';
export { signingRefusal, signPdf, signPdfPages } from './pdf-signature.ts';
export type { PdfSignature, SignPdfOptions } from './pdf-signature.ts';
export { placePoints, placeSeal } from './placements.ts';
export type { PagePoint, PageSpan, Place, Placed, PlacementFault, SealPlacement } from './placements.ts';
export { widgetsByPage } from './widgets.ts';
export type { Drawing, Widget } from './widgets.ts';
