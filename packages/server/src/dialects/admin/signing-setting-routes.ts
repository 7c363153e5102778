import { Type } from 'typebox';
import { READING_SECONDS_MAX, type Signing, type SigningSettings } from '../../signing/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const AppParams = Type.Object({ appId: Type.String({ maxLength: 16 }) });
const ReadingTime = Type.Object(
  { seconds: Type.Integer({ minimum: 0, maximum: READING_SECONDS_MAX }) },
  { additionalProperties: false },
);

/**
 * `/apps/:appId/signing`: what an application settles for its signers. `reading-time` is set or left to the service,
 * `end-messages` are switched on and off.
 */
export function registerSigningSettingRoutes(
  admin: AdminServer,
  { signing }: { signing: Pick<Signing, 'settings' | 'changeSettings'> },
): void {
  const changed = async (appId: string, change: Partial<SigningSettings>): Promise<Record<string, unknown>> =>
    presentSettings(appId, await signing.changeSettings({ appId, change, actor: OPERATOR }));
  const one = { schema: { params: AppParams } };

  admin.get('/apps/:appId/signing', one, async ({ params: { appId } }) =>
    presentSettings(appId, await signing.settings(appId)),
  );

  const timed = { schema: { params: AppParams, body: ReadingTime } };
  admin.put('/apps/:appId/signing/reading-time', timed, async ({ params: { appId }, body }) =>
    changed(appId, { readingSeconds: body.seconds }),
  );
  admin.delete('/apps/:appId/signing/reading-time', one, async ({ params: { appId } }) =>
    changed(appId, { readingSeconds: null }),
  );

  admin.put('/apps/:appId/signing/end-messages', one, async ({ params: { appId } }) =>
    changed(appId, { tellsEnd: true }),
  );
  admin.delete('/apps/:appId/signing/end-messages', one, async ({ params: { appId } }) =>
    changed(appId, { tellsEnd: false }),
  );
}

function presentSettings(appId: string, { readingSeconds, tellsEnd }: SigningSettings): Record<string, unknown> {
  return { app_id: appId, reading_seconds: readingSeconds, end_messages: tellsEnd };
}
