import { appendAudit, auditTrail } from '../audit/index.ts';
import { signPdf, type Documents } from '../documents/index.ts';
import type { Clock } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import type { Seals } from '../seals/index.ts';
import type { DocumentSigner } from '../trust/index.ts';
import type { ValidationReport } from '../validation/index.ts';
import { gatherFacts, hashOfFacts, type GatherDependencies } from './gather.ts';
import { reportPdf } from './report-pdf.ts';
import { findReport, findReportSince, insertReport } from './store.ts';

/** `flow_not_ended` {state}: a report is of what is over. */
export type EvidenceErrorCode = 'flow_not_ended';

export interface EvidenceReport {
  readonly fileId: string;
  readonly fileName: string;
  readonly sha256: string;
  readonly bytes: Buffer;
}

export interface EvidenceReports {
  /**
   * The signed report of a flow that ended: made when it is first asked for, and again when more has happened since.
   * Where `ageMsMax` is given, one that is no older is good enough, or one that is being made: a party may ask often, and
   * each download is news.
   * @throws DomainError flow_not_found, flow_not_ended
   */
  report(flow: { appId: string; flowId: string; actor: string; ageMsMax?: number }): Promise<EvidenceReport>;
  /** A URL of the report for a while, for whoever holds it. Errors as above. */
  url(flow: { appId: string; flowId: string; actor: string }): Promise<string>;
}

export interface EvidenceDependencies extends GatherDependencies {
  readonly clock: Clock;
  readonly documents: Pick<Documents, 'findFile' | 'readFile' | 'storeFile' | 'discardFile' | 'fileUrl'>;
  readonly seals: Pick<Seals, 'writing'>;
  /** What the service's own validation says of the document at this moment; null where it cannot say anything. */
  validate(pdf: Buffer): Promise<ValidationReport | null>;
  /** The service's own. */
  signer(): Promise<DocumentSigner>;
}

/** Where the signature shows: above the title's right, on the first page. Points. */
const SIGNATURE_PLACE = { right: 545, bottom: 801, size: 7 };
const SIGNATURE_WORDS = '印信服务电子签名 Signed by Yinxin';
const SERVICE_NAME = '印信服务 Yinxin Service';

/** Evidence reports on PostgreSQL: file, row and audit of one are there together. */
export function createEvidenceReports(dependencies: EvidenceDependencies): EvidenceReports {
  const { db, clock, documents, seals } = dependencies;

  async function signed(pdf: Buffer, at: Date): Promise<Buffer> {
    const appearance = await seals.writing(SIGNATURE_WORDS, SIGNATURE_PLACE.size);
    const { right, bottom } = SIGNATURE_PLACE;
    const rect = [right - appearance.width, bottom, right, bottom + appearance.height] as const;
    return signPdf({
      pdf,
      fieldName: 'evidence-report',
      widget: { pageIndex: 0, drawings: [{ rect: [...rect], appearance }] },
      signer: await dependencies.signer(),
      signedAt: at,
      name: SERVICE_NAME,
      reason: '签署证据报告 Evidence report',
    });
  }

  async function fileOf({ appId, flowId, actor }: { appId: string; flowId: string; actor: string }): Promise<string> {
    const facts = await gatherFacts(dependencies, appId, flowId);
    const { state, endedAt } = facts.evidence.flow;
    if (endedAt === null) throw new DomainError<EvidenceErrorCode>('flow_not_ended', { flowId, state });
    const key = { appId, flowId, factsSha256: hashOfFacts(facts) };
    const known = await findReport(db, key);
    if (known !== undefined) return known;
    const at = clock.now();
    const audit = await auditTrail(db, { appId, subject: `sign_flow:${flowId}` });
    const document = await documents.readFile({ appId, fileId: facts.evidence.fileId });
    const validation = await dependencies.validate(document.bytes);
    const report = { facts, audit, validation, factsSha256: key.factsSha256, at };
    const bytes = await signed(await reportPdf(report), at);
    const { fileId, sha256 } = await documents.storeFile({ appId, fileName: `签署证据报告-${flowId}.pdf`, bytes });
    const isFirst = await db.transaction().execute(async (tx) => {
      const row = { app_id: appId, flow_id: flowId, facts_sha256: key.factsSha256, file_id: fileId, created_at: at };
      if (!(await insertReport(tx, row))) return false;
      const detail = { flowId, factsSha256: key.factsSha256, fileId, sha256 };
      const subject = `evidence_report:${flowId}`;
      await appendAudit(tx, { appId, actor, action: 'evidence_report.create', subject, detail, at });
      return true;
    });
    if (isFirst) return fileId;
    // Another one was faster: its report counts.
    await documents.discardFile({ appId, fileId });
    const first = await findReport(db, key);
    if (first === undefined) throw new Error('a report stood in the way and is gone');
    return first;
  }

  const underWay = new Map<string, Promise<string>>();

  /** However many ask at once, one report is made for all of them. */
  async function recentFileOf(flow: { appId: string; flowId: string; actor: string }, ageMs: number): Promise<string> {
    const since = new Date(clock.now().getTime() - ageMs);
    const recent = await findReportSince(db, { ...flow, since });
    if (recent !== undefined) return recent;
    const name = `${flow.appId} ${flow.flowId}`;
    const known = underWay.get(name);
    if (known !== undefined) return known;
    const made = fileOf(flow).finally(() => underWay.delete(name));
    underWay.set(name, made);
    return made;
  }

  return {
    async report({ ageMsMax = 0, ...flow }) {
      const fileId = await (ageMsMax > 0 ? recentFileOf(flow, ageMsMax) : fileOf(flow));
      const file = await documents.readFile({ appId: flow.appId, fileId });
      const { fileName, sha256, bytes } = file;
      return { fileId, fileName, sha256, bytes };
    },
    url: async (flow) => documents.fileUrl({ appId: flow.appId, fileId: await fileOf(flow) }),
  };
}
