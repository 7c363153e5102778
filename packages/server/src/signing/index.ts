/** Sign flows: signers, fields, silent signing, revoke, expiry. This file is the capability's whole public face. */
import { advanceFlow } from './advance-flow.ts';
import { changeSettings, showSettings, type SigningSettings } from './app-settings.ts';
import { addCopy, listCopies, removeCopy, type AddCopy, type CopyView } from './copies.ts';
import { JOB, SIGNING_LIMITS, type SigningContext, type SigningDependencies } from './context.ts';
import { createFlow } from './create-flow.ts';
import { expireFlow, revokeFlow } from './end-flow.ts';
import { openDocumentFlow } from './document-flow.ts';
import { appOfFlow, flowEvidence, type FlowEvidence } from './evidence.ts';
import { backfillPersonKeys, erasePerson, type ErasePerson } from './erase-person.ts';
import { openFlow } from './open-flow.ts';
import { createPageSizes } from './page-sizes.ts';
import { remindSigner, type RemindSigner } from './remind.ts';
import { createSigners, type Signers } from './signers.ts';
import { countStalled, stalledFlows, type StalledFlow } from './stall-store.ts';
import type { StallReason } from './stall.ts';
import { sweep } from './sweep.ts';
import type { Transaction } from '../platform/database/index.ts';
import type { CreateFlow, FlowDocument, FlowView, OpenDocumentFlow, RevokeFlow } from './terms.ts';
import { signedBytesMax, type LongTerm } from './signature-level.ts';
import { sweepUpgrades, upgradeFlow } from './upgrade.ts';
import { flowDocuments, viewFlow } from './view.ts';

export type {
  CompanyField,
  CreateFlow,
  DateLine,
  Individual,
  IndividualField,
  PagePoint,
  PageSpan,
  Placement,
  RevokeFlow,
  SignatureForm,
  SignField,
  SigningErrorCode,
} from './terms.ts';
export type { Act, ActKind } from './act.ts';
export { READING_SECONDS_MAX, type SettingsErrorCode, type SigningSettings } from './app-settings.ts';
export type { AddCopy, CopyErrorCode, CopyView } from './copies.ts';
export type { EraseErrorCode, ErasePerson } from './erase-person.ts';
export type { EvidenceField, EvidenceSigner, EvidenceView, FlowEvidence } from './evidence.ts';
export { FLOW_STATUS_DESCRIPTION, FLOW_STATUS_NUMBER } from './flow.ts';
export type { SigningDependencies, SigningLimits } from './context.ts';
export type { FieldChoice, Handwriting } from './choices.ts';
export type { RemindErrorCode, RemindSigner } from './remind.ts';
export { SIGNER_SESSION_LIFE_MS, type SignerErrorCode, type Visit } from './signer-visit.ts';
export type { SignerField, SignerTask } from './signer-task.ts';
export type { Signers } from './signers.ts';
export type { LongTerm } from './signature-level.ts';
export { STALL_REASONS, type StallReason } from './stall.ts';
export type { StalledFlow } from './stall-store.ts';

/** Sign flows: made from a document somewhere else, signed one after the other, ended once. */
export interface Signing {
  /**
   * Takes a flow on and answers at once; what becomes of it is told by the notification create_sign_process.
   * @throws DomainError member_not_found, company_not_verified, silent_signing_not_agreed, no_sign_fields, sign_field_invalid,
   *   sign_validity_passed, notify_url_invalid, too_many_signers, too_many_sign_fields
   */
  createFlow(command: CreateFlow): Promise<{ flowRequestId: string }>;

  /**
   * Makes a flow of a document that the service wrote itself, signed by one company; `within` writes what belongs to it
   * in the same transaction. Takes nothing from a quota.
   * @throws DomainError org_not_found, sign_field_invalid, seal_character_missing, seal_not_reviewed, seal_rejected
   */
  openDocumentFlow(
    command: OpenDocumentFlow,
    within: (tx: Transaction, key: { flowId: string }) => Promise<void>,
  ): Promise<{ flowId: string }>;

  /** @throws DomainError flow_not_found */
  flow(appId: string, flowId: string): Promise<FlowView>;

  /**
   * Ends a flow that is being signed. `reason` is 撤销 where it is left out, 64 characters at most.
   * @throws DomainError flow_not_found, flow_not_signing, flow_already_revoked, not_initiator, reason_too_long
   */
  revokeFlow(command: RevokeFlow): Promise<void>;

  /**
   * The flow's documents in their newest revision, whatever the flow's state, each with a short-lived URL.
   * @throws DomainError flow_not_found
   */
  documents(appId: string, flowId: string): Promise<FlowDocument[]>;

  /** Everything that signing knows of a flow and may show, of one moment. @throws DomainError flow_not_found */
  evidence(appId: string, flowId: string): Promise<FlowEvidence>;

  /**
   * Erases a person's data from every flow of the application and keeps the proof; somebody unknown is no error.
   * @throws DomainError person_has_open_flows, person_ambiguous
   */
  erasePerson(command: ErasePerson): Promise<void>;

  /**
   * Who does not sign and gets the signed document (抄送).
   * @throws DomainError with a `CopyErrorCode`
   */
  addCopy(command: AddCopy): Promise<CopyView>;
  listCopies(appId: string, flowId: string): Promise<CopyView[]>;
  removeCopy(command: { appId: string; flowId: string; copyId: string; actor: string }): Promise<void>;

  /** What an application settles for its signers. @throws DomainError app_not_found */
  settings(appId: string): Promise<SigningSettings>;
  /** Changes what is named. @throws DomainError app_not_found, signing_settings_invalid */
  changeSettings(command: { appId: string; change: Partial<SigningSettings>; actor: string }): Promise<SigningSettings>;

  /** The application of a flow that is named by its id alone. @throws DomainError flow_not_found */
  appOf(flowId: string): Promise<string>;

  /** Flows that cannot go on until somebody acts, those that have waited longest first: `rowsMax` at most. */
  stalledFlows(filter: { appId?: string; rowsMax: number }): Promise<StalledFlow[]>;

  /** How many flows cannot go on, by reason, and since when the first of them. */
  countStalled(): Promise<{ reason: StallReason; flows: number; since: Date }[]>;

  /** What signers do on the signing page. */
  readonly signers: Signers;

  /** Sends those whose turn it is a new link. @throws DomainError with a `RemindErrorCode` */
  remindSigner(command: RemindSigner): Promise<{ sent: number }>;

  /** Expires what is due and takes up what a lost job left behind; the jobs call it on each node by themselves. */
  sweep(): Promise<void>;
}

/** Writes the keys of people who signed before there were any. */
const PERSON_KEYS_EVERY_MS = 60_000;

/** Makes signing and hands its handlers to `jobs`, which must not have started yet. */
export function createSigning(dependencies: SigningDependencies): Signing {
  const limits = { ...SIGNING_LIMITS, ...dependencies.limits };
  const longTerm: LongTerm = dependencies.longTerm ?? { level: 'B-B' };
  const bytesMax = signedBytesMax(longTerm, limits.revisionBytesMax);
  const context: SigningContext = {
    ...dependencies,
    longTerm,
    limits,
    signedBytesMax: bytesMax,
    pageSizes: createPageSizes(dependencies, { bytesMax }),
  };
  const { jobs } = context;
  jobs.handle(JOB.open, (payload) => openFlow(context, requestKey(payload)));
  jobs.handle(JOB.advance, (payload) => advanceFlow(context, flowKey(payload)));
  jobs.handle(JOB.expire, (payload) => expireFlow(context, flowKey(payload)));
  jobs.handle(JOB.upgrade, (payload) => upgradeFlow(context, flowKey(payload)));
  jobs.every('signing.upgrades', context.limits.sweepEveryMs, () => sweepUpgrades(context));
  jobs.every('signing.person-keys', PERSON_KEYS_EVERY_MS, () => backfillPersonKeys(context));
  jobs.every('signing.sweep', context.limits.sweepEveryMs, () => sweep(context));

  return {
    createFlow: (command) => createFlow(context, command),
    openDocumentFlow: (command, within) => openDocumentFlow(context, command, within),
    flow: (appId, flowId) => viewFlow(context, appId, flowId),
    revokeFlow: (command) => revokeFlow(context, command),
    documents: (appId, flowId) => flowDocuments(context, appId, flowId),
    evidence: (appId, flowId) => flowEvidence(context, appId, flowId),
    erasePerson: (command) => erasePerson(context, command),
    addCopy: (command) => addCopy(context, command),
    listCopies: (appId, flowId) => listCopies(context, appId, flowId),
    removeCopy: (command) => removeCopy(context, command),
    settings: (appId) => showSettings(context, appId),
    changeSettings: (command) => changeSettings(context, command),
    appOf: (flowId) => appOfFlow(context.db, flowId),
    stalledFlows: (filter) => stalledFlows(context.db, filter),
    countStalled: () => countStalled(context.db),
    signers: createSigners(context),
    remindSigner: (command) => remindSigner(context, command),
    async sweep() {
      await sweep(context);
      await sweepUpgrades(context);
    },
  };
}

function flowKey(payload: Record<string, unknown>): { appId: string; flowId: string } {
  return { appId: String(payload['appId']), flowId: String(payload['flowId']) };
}

function requestKey(payload: Record<string, unknown>): { appId: string; flowRequestId: string } {
  return { appId: String(payload['appId']), flowRequestId: String(payload['flowRequestId']) };
}
