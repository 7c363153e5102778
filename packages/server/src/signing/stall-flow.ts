import { appendAudit } from '../audit/index.ts';
import type { SigningContext } from './context.ts';
import type { ReadyField } from './sign-field.ts';
import { isOfCompany, stallOf, stallRetryMs } from './stall.ts';
import { putStall } from './stall-store.ts';
import { lockFlow } from './store.ts';

type FlowKey = { appId: string; flowId: string };

/**
 * Notes why a field could not be signed. True where somebody has to act, so that trying again at once is of no use: the
 * sweep does it. The first failure with a reason stands in the audit.
 */
export async function noteStall(
  context: Pick<SigningContext, 'db' | 'clock' | 'log'>,
  key: FlowKey,
  { field, signer }: ReadyField,
  error: unknown,
): Promise<boolean> {
  const { reason, detail } = stallOf(error);
  const [at, signerId] = [context.clock.now(), signer.signer_id];
  const orgNo = signer.kind === 'company' && isOfCompany(reason) ? signer.org_no : null;
  const dueAt = new Date(at.getTime() + stallRetryMs(reason));
  context.log.warn({ ...key, signerId, reason, err: error }, 'a signature could not be made');
  const noted = await context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, key);
    if (flow?.state !== 'signing') return undefined;
    const stall = { ...key, signerId, fieldId: field.field_id, reason, detail, orgNo, at, dueAt };
    const put = await putStall(tx, stall);
    if (put?.isNew === true && reason !== 'unexpected') {
      const what = { signerId, reason, detail };
      const subject = `sign_flow:${key.flowId}`;
      await appendAudit(tx, {
        appId: key.appId,
        actor: 'system',
        action: 'sign_flow.stall',
        subject,
        detail: what,
        at,
      });
    }
    return put;
  });
  return noted !== undefined && reason !== 'unexpected';
}
