import { maskName } from '../platform/masking.ts';
import { CONSENT } from './consent.ts';
import type { SigningContext } from './context.ts';
import { copyAddresses, maskedAddress } from './flow-results.ts';
import { openCopyPart } from './personal.ts';
import { inOrder, initiatorOf, partyName, type SignerDocument, type SignerTask } from './signer-task.ts';
import { copyPlaceOf, type Visit } from './signer-visit.ts';
import { signersOf } from './store.ts';
import type { FlowRow } from './tables.ts';

/** What somebody who gets a copy may know: first that there is one, and after their code the signed document. */
export async function copyTaskOf(context: SigningContext, visit: Visit): Promise<SignerTask> {
  const { flow, copy } = await copyPlaceOf(context, visit);
  const { checked_at: checkedAt } = visit.session;
  const isKnown = checkedAt !== null;
  const name = openCopyPart(context.vault, copy.copy_id, 'name', copy.name_sealed);
  const [address] = copyAddresses(context, copy);
  const signers = await signersOf(context.db, { appId: flow.app_id, flowId: flow.flow_id });
  return {
    role: 'copy',
    step: isKnown ? 'signed' : 'identity',
    initiator: await initiatorOf(context, flow),
    subject: flow.subject,
    signer: {
      name: isKnown ? name : maskName(name),
      maskedMobile: address === undefined ? '' : maskedAddress(address),
      signsFor: null,
    },
    deadline: null,
    parties: inOrder(signers).map((row) => ({
      name: partyName(row, null, isKnown),
      state: row.state,
      isSelf: false,
    })),
    checkedAt,
    consent: { ...CONSENT, agreedAt: null },
    document: isKnown ? await documentOf(context, flow) : null,
    reason: null,
    endedAt: flow.ended_at,
    isArchived: true,
    delayedSince: null,
  };
}

async function documentOf(context: SigningContext, flow: FlowRow): Promise<SignerDocument> {
  const key = { appId: flow.app_id, fileId: flow.file_id };
  const file = await context.documents.findFile(key);
  return {
    pages: await context.pageSizes.of(key),
    sha256: file?.sha256 ?? '',
    fields: [],
    seals: [],
    readingSeconds: 0,
    readingSecondsLeft: 0,
  };
}
