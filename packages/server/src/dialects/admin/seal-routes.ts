import { Type } from 'typebox';
import type { Apps } from '../../apps/index.ts';
import { DomainError } from '../../platform/errors.ts';
import type { SealReview } from '../../seals/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const AppParams = Type.Object({ appId: Type.String({ maxLength: 16 }) });
const SealParams = Type.Object({
  appId: Type.String({ maxLength: 16 }),
  etcOrgNo: Type.String({ maxLength: 64 }),
  sealId: Type.String({ maxLength: 64 }),
});
const Verdict = Type.Object(
  {
    verdict: Type.Union([Type.Literal('pass'), Type.Literal('reject')]),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })),
  },
  { additionalProperties: false },
);

/** `/apps/:appId/seal-review`: whether new seals of an application wait for a review, which do, and the verdict on one. */
export function registerSealRoutes(
  admin: AdminServer,
  { apps, sealReview }: { apps: Pick<Apps, 'find'>; sealReview: SealReview },
): void {
  const assertApp = async (appId: string): Promise<void> => {
    if ((await apps.find(appId)) === undefined) throw new DomainError('app_not_found', { appId });
  };
  const present = async (appId: string): Promise<Record<string, unknown>> => ({
    app_id: appId,
    is_required: await sealReview.isRequired(appId),
    pending: (await sealReview.pending(appId)).map((seal) => ({
      etc_org_no: seal.etcOrgNo,
      seal_id: seal.sealId,
      alias: seal.alias,
      seal_url: seal.sealUrl,
      created_at: seal.createdAt,
    })),
  });

  admin.get('/apps/:appId/seal-review', { schema: { params: AppParams } }, async ({ params: { appId } }) => {
    await assertApp(appId);
    return present(appId);
  });

  for (const [method, isRequired] of [
    ['PUT', true],
    ['DELETE', false],
  ] as const) {
    admin.route({
      method,
      url: '/apps/:appId/seal-review',
      schema: { params: AppParams },
      handler: async ({ params: { appId } }) => {
        await assertApp(appId);
        await sealReview.require({ appId, isRequired, actor: OPERATOR });
        return present(appId);
      },
    });
  }

  const reviews = { schema: { params: SealParams, body: Verdict } };
  admin.post('/apps/:appId/orgs/:etcOrgNo/seals/:sealId/review', reviews, async ({ params, body }) => {
    const passes = body.verdict === 'pass';
    await sealReview.review({ ...params, passes, reason: body.reason ?? null, actor: OPERATOR });
    return { seal_id: params.sealId, verdict: body.verdict };
  });
}
