/** Company seals and signing dates as vector drawings. This file is the capability's whole public face. */
export { createSeals } from './seals.ts';
export { createSealReview } from './review.ts';
export type { PendingSeal, ReviewErrorCode, SealReview } from './review.ts';
export { SEAL_VARIANTS } from './variants.ts';
export type { SealVariant } from './variants.ts';
export type { Company, DateLine, Seal, SealErrorCode, Seals, SealsDependencies } from './seals.ts';
export type { DateFormat } from './date-line.ts';
export { appearanceSvg } from './appearance-svg.ts';
export { HANDWRITING_LENGTH_MAX, HANDWRITING_WIDTH, handwritingAppearance, handwritingLength } from './handwriting.ts';
export { PERSONAL_SEAL_WIDTH } from './personal-seal.ts';
export type { HandwritingStrokes } from './handwriting.ts';
