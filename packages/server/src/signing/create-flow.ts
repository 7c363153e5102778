import { appendAudit } from '../audit/index.ts';
import type { Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId, randomAlphanumeric } from '../platform/ids.ts';
import { JOB, type SigningContext, type SigningLimits } from './context.ts';
import { keepPersonKeys } from './erase-person.ts';
import { sealPersonal } from './personal.ts';
import { insertRequest, noteQuotaTaken, requestByBizNo } from './store.ts';
import type { StoredCommand, StoredIndividual } from './tables.ts';
import type { CreateFlow, Individual, SignField } from './terms.ts';

/** As long as seed 000's sample `5zuoUOcBuN0uRusZlsYC`. */
const FLOW_REQUEST_ID_LENGTH = 20;

/**
 * Takes a flow on: request row, audit row and job in one transaction. What is known at once is refused at once; the
 * file and the places on its pages are looked at by the job.
 */
export async function createFlow(context: SigningContext, command: CreateFlow): Promise<{ flowRequestId: string }> {
  if (command.bizRequestNo !== null) {
    const first = await requestByBizNo(context.db, command.appId, command.bizRequestNo);
    if (first !== undefined) return { flowRequestId: first };
  }
  const now = context.clock.now();
  checkCommand(command, context.limits, now);
  if (command.notifyUrl !== null && !context.egress.checkUrl(command.notifyUrl).ok) {
    throw new DomainError('notify_url_invalid');
  }
  await checkInitiator(context, command);
  return insertWithJob(context, command, now);
}

async function insertWithJob(context: SigningContext, command: CreateFlow, now: Date) {
  const stored = storedCommand(context, command);
  return context.db.transaction().execute(async (tx) => {
    const { flowRequestId, isNew } = await insertRequest(tx, {
      app_id: command.appId,
      flow_request_id: randomAlphanumeric(FLOW_REQUEST_ID_LENGTH),
      biz_request_no: command.bizRequestNo,
      state: 'pending',
      command: JSON.stringify(stored),
      touched_at: now,
      flow_id: null,
      failure: null,
      created_at: now,
      settled_at: null,
    });
    if (!isNew) return { flowRequestId };
    await keepPersonKeys(context, tx, { appId: command.appId, flowRequestId }, stored.signers);
    // One of the application's contracts, if they are counted; a request that comes to nothing gives it back.
    if (await context.quotas.take(tx, command.appId)) {
      await noteQuotaTaken(tx, { appId: command.appId, flowRequestId });
    }
    await addOpenJob(context, tx, { appId: command.appId, flowRequestId });
    await appendAudit(tx, {
      appId: command.appId,
      actor: `member:${command.initiator.etcMemberNo}`,
      action: 'sign_flow.request',
      subject: `sign_request:${flowRequestId}`,
      detail: { fileName: command.fileName, bizRequestNo: command.bizRequestNo, signers: command.signers.length },
      at: now,
    });
    return { flowRequestId };
  });
}

/** Adds the job that makes the flow, or replaces the one that waits; due at once or since `runAt`. */
export async function addOpenJob(
  context: SigningContext,
  executor: Executor,
  key: { appId: string; flowRequestId: string },
  runAt?: Date,
): Promise<void> {
  // The row counts the attempts and decides; the job system's own limit only has to be no lower.
  await context.jobs.add(executor, JOB.open, key, {
    key: `${JOB.open}:${key.appId}:${key.flowRequestId}`,
    ...(runAt && { runAt }),
    attemptsMax: context.limits.openAttemptsMax + 1,
  });
}

function storedCommand({ vault }: SigningContext, command: CreateFlow): StoredCommand {
  const { signers, signValidity, ...rest } = command;
  return {
    ...rest,
    signValidity: signValidity?.toISOString() ?? null,
    signers: signers.map((signer) => storedIndividual(vault, signer)),
  };
}

function storedIndividual(vault: SigningContext['vault'], signer: Individual): StoredIndividual {
  const { idNumber, mobile, ...rest } = signer;
  const signerId = hexId();
  return {
    ...rest,
    signerId,
    sealedIdNumber: sealPersonal(vault, signerId, 'id_number', idNumber).toString('base64'),
    sealedMobile: sealPersonal(vault, signerId, 'mobile', mobile).toString('base64'),
  };
}

function positionsOf(field: SignField): number {
  const placed = field.placement.kind === 'free' ? 0 : field.placement.positions.length;
  return placed + (field.date?.positions.length ?? 0);
}

/** Points at most: a seal as wide as A3 is high. */
const SIZE_MAX = 1_200;

function hasSaneSizes({ width, date }: SignField): boolean {
  return [width, date?.fontSize ?? null].every((size) => size === null || (size >= 1 && size <= SIZE_MAX));
}

function checkCommand(command: CreateFlow, limits: SigningLimits, now: Date): void {
  const { initiator, signers } = command;
  const fields = [...initiator.fields, ...signers.flatMap((signer) => signer.fields)];
  const everySignerHasOne = signers.every((signer) => signer.fields.length > 0);
  if (fields.length === 0 || !everySignerHasOne) throw new DomainError('no_sign_fields');
  if (signers.length > limits.signersMax) throw new DomainError('too_many_signers', { limit: `${limits.signersMax}` });
  if (fields.length > limits.fieldsMax || fields.some((field) => positionsOf(field) > limits.positionsMax)) {
    throw new DomainError('too_many_sign_fields', { limit: `${limits.fieldsMax}` });
  }
  if (initiator.fields.some((field) => field.autoExecute && field.placement.kind === 'free')) {
    throw new DomainError('sign_field_invalid', { reason: '静默签署必须指定签署位置' });
  }
  if (fields.some((field) => field.placement.kind !== 'free' && field.placement.positions.length === 0)) {
    throw new DomainError('sign_field_invalid', { reason: '签署区缺少签署位置' });
  }
  if (!fields.every(hasSaneSizes)) throw new DomainError('sign_field_invalid', { reason: '印章宽度或日期字号不正确' });
  if (command.signValidity !== null && command.signValidity <= now) throw new DomainError('sign_validity_passed');
}

/** The initiator is a member of this app, and their company is verified and agreed to it where it is to sign silently. */
async function checkInitiator(context: SigningContext, { appId, initiator }: CreateFlow): Promise<void> {
  const found = await context.parties.findMember(context.db, appId, initiator.etcMemberNo);
  if (!found) throw new DomainError('member_not_found', { etcMemberNo: initiator.etcMemberNo });
  const signsSilently = initiator.fields.some((field) => field.autoExecute);
  if (signsSilently && found.org.verifiedAt === null) {
    throw new DomainError('company_not_verified', { etcOrgNo: found.org.etcOrgNo });
  }
  if (signsSilently && found.org.silentSigningAt === null) {
    throw new DomainError('silent_signing_not_agreed', { etcOrgNo: found.org.etcOrgNo });
  }
}
