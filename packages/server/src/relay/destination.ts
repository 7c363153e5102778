import type { AcknowledgeRule } from './acknowledge.ts';
import type { BodySignType } from './callee.ts';
import type { ProfileName } from './profiles.ts';

/** A registered destination as an attempt needs it. */
export interface Destination {
  readonly appId: string;
  readonly calleeNo: string;
  readonly url: string;
  readonly profile: ProfileName;
  readonly signType: BodySignType;
  readonly enabled: boolean;
  readonly webhookSecretSealed: string | null;
  readonly acknowledge: AcknowledgeRule | null;
  readonly delaysMs: readonly number[] | null;
}

/** The columns of `callee` that make a `Destination`, as the arguments of `json_build_object`. */
export const DESTINATION_JSON = `'appId', callee.app_id, 'calleeNo', callee.callee_no, 'url', callee.url,
  'profile', callee.profile, 'signType', callee.sign_type, 'enabled', callee.enabled,
  'webhookSecretSealed', callee.webhook_secret_sealed, 'acknowledge', callee.acknowledge_rule,
  'delaysMs', callee.delays_ms`;
