import { listAudit } from '../../../src/audit/index.ts';
import { pdfsig } from '../../support/signed-pdf.ts';
import type { FlowLedger } from './judge.ts';
import type { SigningSite } from './site.ts';

/** A flow that was asked for, with the pages on which each of its fields makes a signature. */
export type ExpectedFlow = { readonly flowRequestId: string; readonly pages: readonly (readonly number[])[] };

const AUDIT_ROWS = 100;

/** What database and files hold of a flow. */
export async function readLedger(site: SigningSite, appId: string, flow: ExpectedFlow): Promise<FlowLedger> {
  const { pool, db } = site.database;
  const { flowRequestId, pages } = flow;
  const found = await pool.query<{
    request: string;
    flow_id: string | null;
    state: string | null;
    file_id: string | null;
  }>(
    `select r.state as request, f.flow_id, f.state, f.file_id
     from sign_request r left join sign_flow f on f.app_id = r.app_id and f.flow_id = r.flow_id
     where r.app_id = $1 and r.flow_request_id = $2`,
    [appId, flowRequestId],
  );
  const row = found.rows[0];
  const fields = await pool.query<{ field_id: string; file_id: string | null }>(
    `select f.field_id, f.file_id from sign_field f join sign_signer s using (app_id, flow_id, signer_id)
     where f.app_id = $1 and f.flow_id = $2 order by s.position, f.position`,
    [appId, row?.flow_id ?? ''],
  );
  const expected = fields.rows.flatMap(({ field_id: fieldId }, index) =>
    (pages[index] ?? []).map((page) => `signature-${fieldId}-${page}`),
  );
  const bytesOf = async (fileId: string): Promise<Buffer> => (await site.documents.readFile({ appId, fileId })).bytes;
  const newest = row?.file_id ? await bytesOf(row.file_id) : Buffer.alloc(0);
  const isBeginning: boolean[] = [];
  for (const { file_id: fileId } of fields.rows) {
    const revision = fileId === null ? null : await bytesOf(fileId);
    isBeginning.push(revision !== null && newest.subarray(0, revision.length).equals(revision));
  }
  const audit = await listAudit(db, { appId, subject: `sign_flow:${row?.flow_id}`, limit: AUDIT_ROWS });
  const told = await pool.query<{ content: string }>(
    'select content from delivery where app_id = $1 and (position($2 in content) > 0 or position($3 in content) > 0)',
    [appId, flowRequestId, row?.flow_id ?? flowRequestId],
  );
  const people = await pool.query<{ signed: number; told: number }>(
    `select (select count(*) from sign_signer where app_id = $1 and flow_id = $2 and confirmed_at is not null) as signed,
            (select count(*) from sign_act act join message using (app_id, message_id)
             where act.app_id = $1 and act.flow_id = $2 and act.kind = 'result_sent' and message.kind = 'sign_done') as told`,
    [appId, row?.flow_id ?? ''],
  );
  const toldOf = (code: string): number =>
    told.rows.filter(
      ({ content }) => (JSON.parse(content) as { api_callback_code?: string }).api_callback_code === code,
    ).length;
  return {
    flowRequestId,
    requestState: row?.request ?? 'missing',
    state: row?.state ?? null,
    expected,
    signatures: newest.length === 0 ? [] : await pdfsig(newest),
    isBeginning,
    counted: audit.filter(({ action }) => action === 'sign_flow.sign').length,
    fields: pages.length,
    told: { created: toldOf('create_sign_process'), ended: toldOf('sign_process') },
    people: people.rows[0] ?? { signed: 0, told: 0 },
  };
}
