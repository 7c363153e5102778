import type { TrustErrorCode } from '../../trust/index.ts';

type Params = Readonly<Record<string, string>>;
interface Answer {
  status: 400 | 404 | 409 | 503;
  message: (params: Params) => string;
}

const reasoned = (status: Answer['status'], what: string): Answer => ({
  status,
  message: (params) => `${what}: ${params['reason'] ?? 'not usable'}`,
});

/** What the admin API answers for errors of keys and certificates. */
export const TRUST_ERRORS = {
  certificate_not_found: { status: 404, message: (params) => `no certificate ${params['serialNumber'] ?? ''}` },
  certificate_revoked: {
    status: 409,
    message: (params) => `certificate ${params['serialNumber'] ?? ''} is revoked already`,
  },
  certificate_foreign: {
    status: 409,
    message: () => 'another authority issued it: have it revoked there, then release it from the company',
  },
  certificate_not_imported: {
    status: 409,
    message: (params) => `company ${params['etcOrgNo'] ?? ''} has no certificate of another authority`,
  },
  certificate_unfit: reasoned(400, 'the certificate cannot be taken'),
  key_unsupported: {
    status: 400,
    message: (params) =>
      `the key is ${params['key'] ?? 'of another kind'}; RSA of 2048, 3072 or 4096 bits, P-256 and, outside of tokens, SM2 sign`,
  },
  key_mismatch: { status: 400, message: () => "the key is not the certificate's" },
  key_file_missing: {
    status: 400,
    message: (params) => `no file ${params['fileName'] ?? ''} in the folder keys of the data directory`,
  },
  key_file_invalid: reasoned(400, 'the file of the root'),
  pkcs12_invalid: reasoned(400, 'the PKCS#12 file'),
  pkcs11_failed: reasoned(503, 'the token'),
  pkcs11_reference_invalid: {
    status: 400,
    message: (params) => `a key in a token is named ${params['expected'] ?? ''}`,
  },
  passphrase_weak: {
    status: 400,
    message: (params) => `the passphrase must have ${params['characters'] ?? ''} characters at least`,
  },
  root_key_absent: {
    status: 409,
    message: () => "the root's key is not in the service: give the file it was exported to",
  },
  root_key_present: { status: 409, message: () => "the root's key is in the service already" },
  root_too_old: {
    status: 409,
    message: () => 'the root allows no issuing authority below it: run `yinxin trust root renew` first',
  },
} as const satisfies Record<TrustErrorCode, Answer>;
