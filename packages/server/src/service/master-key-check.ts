import { sql } from 'kysely';
import type { Apps } from '../apps/index.ts';
import type { Database } from '../platform/database/index.ts';

/**
 * Opens one secret of the database. A node with another master key (a lost file, a second node without
 * YINXIN_MASTER_KEY) would start well, refuse every caller, and seal new secrets that the other nodes cannot open.
 *
 * @throws DomainError `sealed_by_other_key`
 */
export async function assertMasterKeyFits(db: Database, apps: Pick<Apps, 'secretOf'>): Promise<void> {
  const { rows } = await sql<{ appId: string }>`select app_id as "appId" from app limit 1`.execute(db);
  const [app] = rows;
  if (app !== undefined) await apps.secretOf(app.appId);
}
