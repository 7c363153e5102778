import { createHash } from 'node:crypto';
import type { Documents } from '../documents/index.ts';
import type { Org, Parties } from '../parties/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Signing } from '../signing/index.ts';
import { openPageFont } from '../typesetting/index.ts';
import { checkReceipt } from './check.ts';
import { receiptPdf, SEAL_PLACE } from './receipt-pdf.ts';
import { findReceipt, findReceiptByNumber, insertReceipt } from './store.ts';
import type { CreateReceipt, ReceiptErrorCode, ReceiptFacts } from './terms.ts';

export interface Receipts {
  /**
   * Issues a receipt: its document and the flow that signs it, silently where `autoExecute` says so; otherwise a member of
   * the company is sent a link. The same number of the same company with the same contents answers the first flow.
   * @throws DomainError `receipt_…`, `org_not_found`, `member_not_found`, `company_not_verified`, `silent_signing_not_agreed`,
   *   `seal_not_reviewed`, `seal_rejected`, `seal_character_missing`
   */
  create(command: CreateReceipt): Promise<{ flowId: string }>;
  /** A URL of the signed receipt, for a while. @throws DomainError `receipt_not_found`, `receipt_not_signed` */
  downloadUrl(appId: string, flowId: string): Promise<string>;
}

interface ReceiptsDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly egress: Pick<Egress, 'checkUrl'>;
  readonly parties: Pick<Parties, 'findOrg' | 'findMember' | 'listOrgs' | 'reachableMembers'>;
  readonly documents: Pick<Documents, 'fileUrl'>;
  readonly signing: Pick<Signing, 'openDocumentFlow' | 'flow' | 'documents'>;
}

/** Two of the same number at once: the second finds the first's row. */
class NumberTaken extends Error {
  override readonly name = 'NumberTaken';
}

/** Receipts on PostgreSQL: row, flow and audit are one transaction. */
export function createReceipts(dependencies: ReceiptsDependencies): Receipts {
  const { db, clock, egress, signing } = dependencies;

  async function known(command: CreateReceipt, org: Org, factsSha256: string): Promise<{ flowId: string } | undefined> {
    const { appId, facts } = command;
    const first = await findReceiptByNumber(db, { appId, etcOrgNo: org.etcOrgNo, number: facts.number });
    if (first === undefined) return undefined;
    if (first.facts_sha256 === factsSha256) return { flowId: first.flow_id };
    throw new DomainError<ReceiptErrorCode>('receipt_conflict', { number: facts.number });
  }

  return {
    async create(command) {
      const { appId, facts, notifyUrl, autoExecute, actor } = command;
      const font = await openPageFont();
      checkReceipt(facts, (text) => font.missing(text));
      if (!egress.checkUrl(notifyUrl).ok) throw new DomainError<ReceiptErrorCode>('receipt_notify_url_invalid');
      const org = await issuerOf(command, dependencies);
      const factsSha256 = hashOf(facts, autoExecute);
      const first = await known(command, org, factsSha256);
      if (first) return first;
      const etcMemberNo = await memberOf(command, org, dependencies);
      const at = clock.now();
      try {
        return await signing.openDocumentFlow(
          {
            appId,
            etcOrgNo: org.etcOrgNo,
            etcMemberNo,
            fileName: `收据${fileNameOf(facts.number)}.pdf`,
            pdf: await receiptPdf(facts, org.orgName, at),
            notifyUrl,
            fields: [{ autoExecute, placement: { kind: 'page', positions: [SEAL_PLACE] }, width: null, date: null }],
            actor,
          },
          async (tx, { flowId }) => {
            const isNew = await insertReceipt(tx, {
              app_id: appId,
              flow_id: flowId,
              etc_org_no: org.etcOrgNo,
              receipt_number: facts.number,
              template_code: 'T001',
              facts_sha256: factsSha256,
              notify_url: notifyUrl,
              created_at: at,
            });
            if (!isNew) throw new NumberTaken();
          },
        );
      } catch (error) {
        const other = error instanceof NumberTaken ? await known(command, org, factsSha256) : undefined;
        if (other) return other;
        throw error;
      }
    },

    async downloadUrl(appId, flowId) {
      if ((await findReceipt(db, { appId, flowId })) === undefined) {
        throw new DomainError<ReceiptErrorCode>('receipt_not_found', { flowId });
      }
      const { state } = await signing.flow(appId, flowId);
      const [document] = await signing.documents(appId, flowId);
      if (state !== 'done' || !document) throw new DomainError<ReceiptErrorCode>('receipt_not_signed', { state });
      return document.fileUrl;
    },
  };
}

/** The company that is named, that of the member who is, or else the only one of the application that may issue a receipt. */
async function issuerOf(
  { appId, etcOrgNo: named, etcMemberNo, autoExecute }: CreateReceipt,
  { db, parties }: Pick<ReceiptsDependencies, 'db' | 'parties'>,
): Promise<Org> {
  const member = etcMemberNo === null ? undefined : await parties.findMember(db, appId, etcMemberNo);
  const isOther = named !== null && member !== undefined && member.org.etcOrgNo !== named;
  if (etcMemberNo !== null && (!member || isOther)) throw new DomainError('member_not_found', { etcMemberNo });
  const etcOrgNo = named ?? member?.org.etcOrgNo ?? null;
  if (etcOrgNo !== null) {
    const org = await parties.findOrg(db, appId, etcOrgNo);
    if (!org) throw new DomainError('org_not_found', { etcOrgNo });
    if (org.verifiedAt === null) throw new DomainError('company_not_verified', { etcOrgNo });
    if (autoExecute && org.silentSigningAt === null) throw new DomainError('silent_signing_not_agreed', { etcOrgNo });
    return org;
  }
  const may = (org: Org): boolean => org.verifiedAt !== null && (!autoExecute || org.silentSigningAt !== null);
  const [org, ...others] = (await parties.listOrgs({ appId })).filter(may);
  if (!org) throw new DomainError<ReceiptErrorCode>('receipt_company_missing');
  if (others.length > 0) throw new DomainError<ReceiptErrorCode>('receipt_company_ambiguous');
  return org;
}

/** Who is sent the link: the member that is named, or else the company's only one who can be; null where nobody signs by hand. */
async function memberOf(
  { appId, etcMemberNo, autoExecute }: CreateReceipt,
  { etcOrgNo }: Org,
  { db, parties }: Pick<ReceiptsDependencies, 'db' | 'parties'>,
): Promise<string | null> {
  if (autoExecute) return etcMemberNo;
  const [member, ...others] = await parties.reachableMembers(db, { appId, etcOrgNo, etcMemberNo, rowsMax: 2 });
  if (!member) throw new DomainError<ReceiptErrorCode>('receipt_member_missing');
  if (others.length > 0) throw new DomainError<ReceiptErrorCode>('receipt_member_ambiguous');
  return member.etcMemberNo;
}

function hashOf(facts: ReceiptFacts, autoExecute: boolean): string {
  const said = Object.entries(facts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([said, autoExecute]))
    .digest('hex');
}

/** The number as it may stand in a file's name. */
function fileNameOf(number: string): string {
  return number.replaceAll(/[/\\:*"<>|?？\s]/g, '-');
}
