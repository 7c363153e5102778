import type { Static, TSchema } from 'typebox';
import type { App, Apps } from '../../../apps/index.ts';
import type { PageImageLinks } from '../../../documents/index.ts';
import type { Identity } from '../../../identity/index.ts';
import type { Parties } from '../../../parties/index.ts';
import type { JsonMember } from '../../../platform/json-text.ts';
import type { Quotas } from '../../../quotas/index.ts';
import type { Receipts } from '../../../receipts/index.ts';
import type { SealReview } from '../../../seals/index.ts';
import type { Signing } from '../../../signing/index.ts';
import { readParameters } from './parameters.ts';

/** The part of signing that this gateway commands. */
export type SigningCommands = Pick<
  Signing,
  'createFlow' | 'flow' | 'revokeFlow' | 'documents' | 'remindSigner' | 'erasePerson'
>;

/** The part of identity that this gateway commands. */
export type IdentityCommands = Pick<
  Identity,
  'compareOrganization' | 'comparePerson' | 'saveOrgAuthInfo' | 'memberToken'
>;

/** The part of quotas that this gateway commands. */
export type QuotaCommands = Pick<Quotas, 'surplus' | 'order'>;

/** The capabilities that the api codes of this gateway command. */
export interface Capabilities {
  readonly apps: Apps;
  readonly parties: Parties;
  readonly signing: SigningCommands;
  readonly identity: IdentityCommands;
  readonly quotas: QuotaCommands;
  readonly receipts: Receipts;
  readonly pageImages: Pick<PageImageLinks, 'urls'>;
  readonly sealReview: Pick<SealReview, 'pending' | 'review'>;
}

/** What a command knows beyond its parameters: who asks, proved by the signature. */
export interface ApiContext extends Capabilities {
  readonly app: App;
  /** For the audit: `app:APPID`. */
  readonly actor: string;
}

/** One api code: its name, the shape of its parameters, and what it answers as `data`. */
export interface Api {
  readonly apiCode: string;
  readonly params: TSchema;
  /** Reads the parameters and commands. Throws `GatewayRefusal` or the capability's `DomainError`. */
  call(context: ApiContext, members: readonly JsonMember[]): Promise<unknown>;
}

/** Ties a schema to the function that takes what it describes. */
export function defineApi<Schema extends TSchema>(definition: {
  apiCode: string;
  params: Schema;
  run: (context: ApiContext, params: Static<Schema>) => Promise<unknown>;
}): Api {
  const { apiCode, params, run } = definition;
  return { apiCode, params, call: async (context, members) => run(context, readParameters(params, members)) };
}
