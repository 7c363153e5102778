import { Type } from 'typebox';
import type { Quotas, Surplus } from '../../quotas/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const AppParams = Type.Object({ appId: Type.String({ maxLength: 16 }) });
const Contracts = Type.Object({ contracts: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });

function presentQuota(appId: string, surplus: Surplus): Record<string, unknown> {
  const isLimited = surplus.kind === 'limited';
  return { app_id: appId, is_limited: isLimited, contracts_left: isLimited ? surplus.contracts : null };
}

/** `/apps/:appId/quota`: how many contracts an application may still begin; show, set, lift, add to. */
export function registerQuotaRoutes(admin: AdminServer, { quotas }: { quotas: Quotas }): void {
  admin.get('/apps/:appId/quota', { schema: { params: AppParams } }, async ({ params: { appId } }) =>
    presentQuota(appId, await quotas.surplus(appId)),
  );

  admin.put('/apps/:appId/quota', { schema: { params: AppParams, body: Contracts } }, async ({ params, body }) => {
    const change = { appId: params.appId, contracts: body.contracts, actor: OPERATOR };
    return presentQuota(params.appId, await quotas.set(change));
  });

  admin.delete('/apps/:appId/quota', { schema: { params: AppParams } }, async ({ params: { appId } }) =>
    presentQuota(appId, await quotas.set({ appId, contracts: null, actor: OPERATOR })),
  );

  const additions = { schema: { params: AppParams, body: Contracts } };
  admin.post('/apps/:appId/quota/additions', additions, async ({ params, body }) => {
    const change = { appId: params.appId, contracts: body.contracts, actor: OPERATOR };
    return presentQuota(params.appId, await quotas.add(change));
  });
}
