import type { Generated, JSONColumnType } from 'kysely';
import type { AcknowledgeRule, RefuseRule, RetryAfterRule } from './acknowledge.ts';
import type { CalleeCredentials } from './callee-credentials.ts';
import type { BodySignType } from './callee.ts';
import type { CircuitSettings, UrlPinning } from './destination.ts';
import type { ProfileName } from './profiles.ts';

/** migrations/0008_relay.sql, as far as the query builder is used on it; the hot statements are plain SQL. */
export type RelayTables = {
  callee: {
    app_id: string;
    callee_no: string;
    url: string;
    url_version: Generated<number>;
    url_pinning: Generated<UrlPinning>;
    profile: ProfileName;
    sign_type: BodySignType;
    enabled: boolean;
    webhook_secret_sealed: string | null;
    acknowledge_rule: JSONColumnType<AcknowledgeRule> | null;
    delays_ms: number[] | null;
    refuse_rules: JSONColumnType<readonly RefuseRule[]> | null;
    retry_after_rule: JSONColumnType<RetryAfterRule> | null;
    attempt_timeout_ms: number | null;
    in_flight_max: number | null;
    rate_per_second: number | null;
    circuit: JSONColumnType<CircuitSettings> | 'off' | null;
    ordering_key_path: string | null;
    ordering_key_header: string | null;
    latest_only: Generated<boolean>;
    credentials: JSONColumnType<CalleeCredentials> | null;
    created_at: Date;
    updated_at: Date;
  };
  callee_url: {
    app_id: string;
    callee_no: string;
    version: number;
    url: string;
    set_by: string;
    set_at: Date;
  };
  delivery_attempt: {
    app_id: string;
    request_id: string;
    number: number;
    started_at: Date;
    duration_ms: number;
    outcome: 'acknowledged' | 'refused' | 'unacknowledged';
    status: number | null;
    reason: string | null;
    answer: Buffer | null;
    url: string;
    remote_address: string | null;
    tls_fingerprint: Buffer | null;
    request_sha256: Buffer | null;
    node: string;
  };
};
