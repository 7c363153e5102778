import { appendAudit } from '../audit/index.ts';
import type { Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { SigningContext } from './context.ts';
import type { SigningTables } from './tables.ts';

/** What an application settles for its signers. */
export interface SigningSettings {
  /** For how long a document must be open before it can be signed; null: as the service has it. */
  readonly readingSeconds: number | null;
  /** Whether signers are written to when a flow ends. */
  readonly tellsEnd: boolean;
}

/** `signing_settings_invalid` {field, expected} */
export type SettingsErrorCode = 'signing_settings_invalid';

export const READING_SECONDS_MAX = 3_600;
const DEFAULTS: SigningSettings = { readingSeconds: null, tellsEnd: true };

/** The settings of an application, or those of one that settled nothing. */
export async function findSettings(executor: Executor, appId: string): Promise<SigningSettings> {
  const row = await executor
    .withTables<SigningTables>()
    .selectFrom('sign_app_setting')
    .select(['reading_seconds as readingSeconds', 'tells_end as tellsEnd'])
    .where('app_id', '=', appId)
    .executeTakeFirst();
  return row ?? DEFAULTS;
}

/** For how long a document of this application must be open before it can be signed. */
export async function readingSecondsOf(
  { db, readingSeconds = 0 }: Pick<SigningContext, 'db' | 'readingSeconds'>,
  appId: string,
): Promise<number> {
  return (await findSettings(db, appId)).readingSeconds ?? readingSeconds;
}

/**
 * The settings of an application that there is. @throws DomainError app_not_found
 */
export async function showSettings(context: SigningContext, appId: string): Promise<SigningSettings> {
  if ((await context.apps.find(appId)) === undefined) throw new DomainError('app_not_found', { appId });
  return findSettings(context.db, appId);
}

/** Changes what is named and leaves the rest. @throws DomainError app_not_found, signing_settings_invalid */
export async function changeSettings(
  context: SigningContext,
  { appId, change, actor }: { appId: string; change: Partial<SigningSettings>; actor: string },
): Promise<SigningSettings> {
  const { readingSeconds } = change;
  const isSeconds = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= READING_SECONDS_MAX;
  if (typeof readingSeconds === 'number' && !isSeconds(readingSeconds)) {
    const expected = `a whole number of seconds from 0 to ${READING_SECONDS_MAX}`;
    throw new DomainError<SettingsErrorCode>('signing_settings_invalid', { field: 'reading_seconds', expected });
  }
  if ((await context.apps.find(appId)) === undefined) throw new DomainError('app_not_found', { appId });
  return context.db.transaction().execute(async (tx) => {
    const at = context.clock.now();
    // The row is there and locked before it is read: two changes at once lose nothing of each other.
    await tx
      .withTables<SigningTables>()
      .insertInto('sign_app_setting')
      .values({ app_id: appId, reading_seconds: null, tells_end: DEFAULTS.tellsEnd, updated_at: at })
      .onConflict((conflict) => conflict.column('app_id').doUpdateSet({ updated_at: at }))
      .execute();
    const settings = { ...(await findSettings(tx, appId)), ...change };
    await tx
      .withTables<SigningTables>()
      .updateTable('sign_app_setting')
      .set({ reading_seconds: settings.readingSeconds, tells_end: settings.tellsEnd })
      .where('app_id', '=', appId)
      .execute();
    const subject = `app:${appId}`;
    await appendAudit(tx, { appId, actor, action: 'signing_settings.set', subject, detail: { ...settings }, at });
    return settings;
  });
}
