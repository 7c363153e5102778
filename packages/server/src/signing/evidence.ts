import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { maskIdNumber, maskMobile } from '../platform/masking.ts';
import { actsOf, type Act } from './act.ts';
import type { SigningContext } from './context.ts';
import type { SignerState } from './flow.ts';
import { findFlow, signersOf } from './store.ts';
import type { SigningTables, SignerRow } from './tables.ts';
import type { FlowView, SigningErrorCode } from './terms.ts';
import { viewOf } from './view.ts';

/** A party of a flow as a report may show it. */
export interface EvidenceSigner {
  readonly signerId: string;
  readonly kind: 'company' | 'individual';
  readonly name: string;
  /** etc_org_no; null for an individual. */
  readonly orgNo: string | null;
  /** Masked; null for a company, and where the person was erased. */
  readonly idNumber: string | null;
  readonly mobile: string | null;
  readonly signOrder: number;
  readonly state: SignerState;
  readonly confirmedAt: Date | null;
  readonly endedAt: Date | null;
}

export interface EvidenceView {
  readonly signerId: string;
  /** From 1. */
  readonly page: number;
  readonly milliseconds: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** What a sign field came to: how long its signatures can be judged (ETSI EN 319 142-1), as the service reached it. */
export interface EvidenceField {
  readonly fieldId: string;
  readonly signerId: string;
  readonly level: string | null;
  readonly signedAt: Date | null;
}

/** Everything that signing knows of a flow and may show. */
export interface FlowEvidence {
  readonly flow: FlowView;
  /** The newest revision. */
  readonly fileId: string;
  readonly signers: readonly EvidenceSigner[];
  readonly acts: readonly Act[];
  readonly views: readonly EvidenceView[];
  readonly fields: readonly EvidenceField[];
}

/** The facts of a flow for its evidence report. @throws DomainError flow_not_found */
export async function flowEvidence(context: SigningContext, appId: string, flowId: string): Promise<FlowEvidence> {
  // One snapshot: an act between two statements would be in one table and not yet in another.
  return context.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const row = await findFlow(tx, { appId, flowId });
      if (!row) throw new DomainError<SigningErrorCode>('flow_not_found', { flowId });
      const signers = await signersOf(tx, { appId, flowId });
      return {
        flow: viewOf(row),
        fileId: row.file_id,
        signers: signers.map((signer) => evidenceSigner(context, signer)),
        acts: await actsOf(tx, { appId, flowId }),
        views: await viewsOf(tx, { appId, flowId }),
        fields: await fieldsOf(tx, { appId, flowId }),
      };
    });
}

/** The application of a flow that an operator names by its id alone. @throws DomainError flow_not_found */
export async function appOfFlow(executor: Executor, flowId: string): Promise<string> {
  const row = await executor
    .withTables<SigningTables>()
    .selectFrom('sign_flow')
    .select('app_id as appId')
    .where('flow_id', '=', flowId)
    .executeTakeFirst();
  if (!row) throw new DomainError<SigningErrorCode>('flow_not_found', { flowId });
  return row.appId;
}

function evidenceSigner({ vault }: SigningContext, row: SignerRow): EvidenceSigner {
  const opened = (column: 'id_number' | 'mobile'): string | null => {
    const sealed = row[column];
    return sealed && vault.open(sealed, `sign_signer:${row.signer_id}:${column}`).toString('utf8');
  };
  const idNumber = opened('id_number');
  const mobile = opened('mobile');
  return {
    signerId: row.signer_id,
    kind: row.kind,
    name: row.name,
    orgNo: row.org_no,
    idNumber: idNumber && maskIdNumber(idNumber),
    mobile: mobile && maskMobile(mobile),
    signOrder: row.sign_order,
    state: row.state,
    confirmedAt: row.confirmed_at,
    endedAt: row.ended_at,
  };
}

async function viewsOf(executor: Executor, key: { appId: string; flowId: string }): Promise<EvidenceView[]> {
  return executor
    .withTables<SigningTables>()
    .selectFrom('sign_view')
    .select(['signer_id as signerId', 'page', 'milliseconds', 'first_at as firstAt', 'last_at as lastAt'])
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .orderBy('signer_id')
    .orderBy('page')
    .execute();
}

async function fieldsOf(executor: Executor, key: { appId: string; flowId: string }): Promise<EvidenceField[]> {
  const { rows } = await sql<EvidenceField>`
    select field_id as "fieldId", signer_id as "signerId", signature_level as level, signed_at as "signedAt"
    from sign_field where app_id = ${key.appId} and flow_id = ${key.flowId} order by signer_id, position
  `.execute(executor);
  return rows;
}
