/**
 * Documents that the service writes itself, as PDF with an embedded subset of a Song font. This file is the capability's
 * whole public face.
 */
export { createComposer } from './composer.ts';
export type { Composer, ComposerOptions, Table, TableColumn } from './composer.ts';
export { openPageFont } from './page-font.ts';
export type { PageFont } from './page-font.ts';
