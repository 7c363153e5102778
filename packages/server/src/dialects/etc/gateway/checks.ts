import type { App, Apps } from '../../../apps/index.ts';
import { EVERY_GRANT } from '../../../apps/index.ts';
import type { RateLimiter } from '../../../http/rate-limit.ts';
import type { Clock } from '../../../platform/clock.ts';
import { ANSWERS, GatewayRefusal } from './answers.ts';
import type { Api } from './api.ts';
import type { Envelope } from './envelope.ts';
import { APIS } from './registry.ts';
import { effectiveSignType, signatureHolds } from './signature.ts';

const AGE_MS_MAX = 30_000;
const SKEW_AHEAD_MS_MAX = 5_000;

export interface CheckDependencies {
  readonly apps: Apps;
  readonly clock: Clock;
  /** One bucket for each app that has shown a signature that holds. */
  readonly rateLimiter: RateLimiter;
}

/** Whether a request may be handled now: at most 30 s old, at most 5 s ahead of this node's clock. */
function timeIsRight(timestampMs: number, now: Date): boolean {
  const ageMs = now.getTime() - timestampMs;
  return ageMs <= AGE_MS_MAX && ageMs >= -SKEW_AHEAD_MS_MAX;
}

/** Whether the app may use an api code. */
function isGranted(app: App, apiCode: string): boolean {
  return app.grants.includes(EVERY_GRANT) || app.grants.includes(apiCode);
}

/**
 * Everything between the form and the command, in the contract's order: app, address, time, signature, nonce,
 * permission, rate. The nonce is claimed only once the signature holds, so that nobody can burn another's.
 *
 * @throws GatewayRefusal at the first check that fails
 */
export async function checkRequest(
  dependencies: CheckDependencies,
  envelope: Envelope,
  ip: string,
): Promise<{ app: App; api: Api }> {
  const { apps, clock, rateLimiter } = dependencies;
  const app = await apps.find(envelope.appId);
  if (app === undefined) throw new GatewayRefusal(ANSWERS.unknownApp);
  if (app.disabledAt !== null) throw new GatewayRefusal(ANSWERS.appDisabled);
  if (!apps.ipAllowed(app, ip)) throw new GatewayRefusal(ANSWERS.notPermitted);
  if (!timeIsRight(envelope.timestampMs, clock.now())) throw new GatewayRefusal(ANSWERS.timeWrong);

  const signType = effectiveSignType(app, envelope.signType);
  const holds = signType !== undefined && (await signatureHolds(app, signType, envelope.signedTexts, envelope.sign));
  if (!holds) throw new GatewayRefusal(ANSWERS.signatureWrong);
  if (app.refuseNestedParams && envelope.hasUnsignedParams) throw new GatewayRefusal(ANSWERS.nestedParamsRefused);
  if (!(await apps.claimNonce(app.appId, envelope.nonce, clock.now()))) throw new GatewayRefusal(ANSWERS.repeated);

  const api = APIS.get(envelope.apiCode);
  if (api === undefined) throw new GatewayRefusal(ANSWERS.unknownApi);
  if (!isGranted(app, api.apiCode)) throw new GatewayRefusal(ANSWERS.notPermitted);
  const isSlowEnough = rateLimiter.take(app.appId, app.ratePerSecondMax, clock.now().getTime());
  if (!isSlowEnough) throw new GatewayRefusal(ANSWERS.tooFast);
  return { app, api };
}
