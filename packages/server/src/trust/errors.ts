/** What an operator's deeds on keys and certificates can end with. */
export type TrustErrorCode =
  | 'certificate_not_found'
  | 'certificate_revoked'
  | 'certificate_foreign'
  | 'certificate_not_imported'
  | 'certificate_unfit'
  | 'key_unsupported'
  | 'key_mismatch'
  | 'key_file_missing'
  | 'key_file_invalid'
  | 'pkcs12_invalid'
  | 'pkcs11_failed'
  | 'pkcs11_reference_invalid'
  | 'passphrase_weak'
  | 'root_key_absent'
  | 'root_key_present'
  | 'root_too_old';
