/** Why a request is not let in, in the contract's words (contracts/tsign-auth.md, Failures). */
export interface Failure {
  /** The HTTP status and the answer's code alike. */
  readonly code: 401 | 403 | 429;
  readonly message: string;
}

/** In the order in which a request is held to them; the address is checked as soon as the application is known. */
export const FAILURES = {
  unknownApp: { code: 401, message: '无效的应用' },
  addressNotAllowed: { code: 403, message: 'IP白名单不匹配' },
  noMode: { code: 401, message: 'TOKEN_CANT_BE_NULL' },
  headerMissing: { code: 401, message: '缺少参数' },
  unknownMode: { code: 401, message: 'AUTHSTRATEGY_NOT_FOUND' },
  timestampWrong: { code: 401, message: 'INVALID_TIMESTAMP' },
  signatureWrong: { code: 401, message: 'INVALID_SIGNATURE' },
  tokenWrong: { code: 401, message: 'TOKEN错误' },
  /** Not of the contract, which has no word for it; the gateway's words. */
  tooFast: { code: 429, message: '请求过于频繁，请稍后再试' },
} as const satisfies Record<string, Failure>;

/** Ends a request that is not let in. */
export class AuthenticationFailure extends Error {
  override readonly name = 'AuthenticationFailure';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.code} ${failure.message}`);
    this.failure = failure;
  }
}
