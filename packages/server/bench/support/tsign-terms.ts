/** Seed 001's route. */
export const PROCESS_PATH = '/v2/identity/auth/pub/organization/:flowId/query/reversePaymentProcess';

/** What the service's process says of itself. */
export interface TsignServiceReady {
  readonly authenticated: string;
  /** The same route without authentication. */
  readonly open: string;
  readonly appId: string;
  readonly secret: string;
  readonly token: string;
}
