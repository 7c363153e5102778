/** Receipts that a company issues by a template and signs. This file is the capability's whole public face. */
export type { CreateReceipt, ReceiptErrorCode, ReceiptFacts, ReceiptField } from './terms.ts';
export { createReceipts, type Receipts } from './commands.ts';
export { withReceipts } from './notify.ts';
