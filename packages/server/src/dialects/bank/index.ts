/** Notices that a bank, or a bridge to one, pushes. */
export { registerBankNoticeRoute, type BankNoticeDependencies } from './notify.ts';
