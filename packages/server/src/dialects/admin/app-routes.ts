import { Type } from 'typebox';
import type { App, Apps } from '../../apps/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const AppParams = Type.Object({ appId: Type.String({ maxLength: 16 }) });

const NewApp = Type.Object(
  {
    name: Type.String(),
    public_key: Type.String(),
    sign_type: Type.Optional(Type.Union([Type.Literal('RSA'), Type.Literal('RSA2')])),
    allow_ips: Type.Optional(Type.Array(Type.String())),
    notify_url: Type.Optional(Type.String()),
    grants: Type.Optional(Type.Array(Type.String())),
    notify_code: Type.Optional(Type.Union([Type.Literal('sign_process'), Type.Literal('auth_process')])),
    allow_weak_key: Type.Optional(Type.Boolean()),
    refuse_nested_params: Type.Optional(Type.Boolean()),
    rate_per_second_max: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);

/** An application as the command line shows it: no secret. */
export function presentApp(app: App): Record<string, unknown> {
  return {
    app_id: app.appId,
    name: app.name,
    sign_type: app.signType,
    public_key: app.publicKey,
    relay_public_key: app.relayPublicKey,
    allow_ips: app.allowIps,
    notify_url: app.notifyUrl,
    grants: app.grants,
    notify_code: app.notifyCode,
    allow_weak_key: app.allowWeakKey,
    refuse_nested_params: app.refuseNestedParams,
    rate_per_second_max: app.ratePerSecondMax,
    disabled_at: app.disabledAt,
    created_at: app.createdAt,
  };
}

/** `/apps`: create (the one answer that carries secrets), list, show, a new secret, disable and enable. */
export function registerAppRoutes(admin: AdminServer, { apps }: { apps: Apps }): void {
  admin.post('/apps', { schema: { body: NewApp } }, async ({ body }, reply) => {
    const created = await apps.create({
      name: body.name,
      publicKey: body.public_key,
      ...(body.sign_type !== undefined && { signType: body.sign_type }),
      ...(body.allow_ips !== undefined && { allowIps: body.allow_ips }),
      ...(body.notify_url !== undefined && { notifyUrl: body.notify_url }),
      ...(body.grants !== undefined && { grants: body.grants }),
      ...(body.notify_code !== undefined && { notifyCode: body.notify_code }),
      ...(body.allow_weak_key !== undefined && { allowWeakKey: body.allow_weak_key }),
      ...(body.refuse_nested_params !== undefined && { refuseNestedParams: body.refuse_nested_params }),
      ...(body.rate_per_second_max !== undefined && { ratePerSecondMax: body.rate_per_second_max }),
      actor: OPERATOR,
    });
    return reply
      .code(201)
      .send({ app_secret: created.appSecret, webhook_secret: created.webhookSecret, ...presentApp(created.app) });
  });

  admin.get('/apps', async () => ({ apps: (await apps.list()).map(presentApp) }));

  admin.get('/apps/:appId', { schema: { params: AppParams } }, async ({ params }) => {
    const app = await apps.find(params.appId);
    if (app === undefined) throw new DomainError('app_not_found', { appId: params.appId });
    return presentApp(app);
  });

  admin.post('/apps/:appId/secrets', { schema: { params: AppParams } }, async ({ params }, reply) => {
    const { appSecret } = await apps.rotateSecret(params.appId, OPERATOR);
    return reply.code(201).send({ app_id: params.appId, app_secret: appSecret });
  });

  admin.put('/apps/:appId/disabled', { schema: { params: AppParams } }, async ({ params }) =>
    presentApp(await apps.disable(params.appId, OPERATOR)),
  );

  admin.delete('/apps/:appId/disabled', { schema: { params: AppParams } }, async ({ params }) =>
    presentApp(await apps.enable(params.appId, OPERATOR)),
  );
}
