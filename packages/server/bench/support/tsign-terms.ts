/** What the service's process says of itself. */
export interface TsignServiceReady {
  readonly authenticated: string;
  /** The same route without authentication. */
  readonly open: string;
  readonly appId: string;
  readonly flowIds: readonly string[];
  readonly secret: string;
  readonly token: string;
}
