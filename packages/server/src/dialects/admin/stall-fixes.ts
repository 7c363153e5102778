import type { StallReason } from '../../signing/index.ts';

/** What an operator does about a flow that cannot go on; it goes on by itself within a minute afterwards. */
export const STALL_FIXES = {
  certificate_expired: "the company's certificate has ended: import its successor with `yinxin trust company import`",
  certificate_not_imported: 'the company has no certificate of its own: import one with `yinxin trust company import`',
  key_file_missing: "the PKCS#12 file of the company's key is not in the folder `keys`: put it back, or import anew",
  pkcs12_invalid: "the PKCS#12 file of the company's key does not open: put the right one back, or import anew",
  key_mismatch:
    "the key is not its certificate's: put the right one back, or import anew with `yinxin trust company import`",
  pkcs11_failed: 'the token does not sign: plug it in, and see YINXIN_PKCS11_MODULE and YINXIN_PKCS11_PIN',
  certificate_key_erased: 'the key was erased with its holder: revoke the flow',
  seal_not_reviewed: "the company's seal waits for its review: `yinxin seal pending`, then `yinxin seal review`",
  seal_rejected: "the company's seal did not pass its review: have another design chosen, and review it",
  seal_not_found: 'the chosen seal is gone: revoke the flow and begin it anew',
  seal_character_missing: "the font cannot write a character of the company's name: revoke the flow",
  root_key_absent: 'the issuing authority has ended: `yinxin trust issuing renew` with the root file',
  document_refused: 'the file passes a limit with the next signature: revoke the flow and begin it with a smaller file',
  sign_field_invalid: 'the seal does not fit its place any more: revoke the flow and begin it anew',
  stored_file_missing: 'the file is not in the folder `files`: put it back from the backup',
  stored_file_damaged: 'the file in the folder `files` was changed: put it back from the backup',
  unexpected: 'see `detail` and the log; it is tried again by itself',
} as const satisfies Record<StallReason, string>;
