import type { PageImage } from '../documents/index.ts';
import { appearanceSvg } from '../seals/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { ActOrigin } from './act.ts';
import type { FieldChoice } from './choices.ts';
import { createCodeCheck, secondsUntil } from './code-check.ts';
import type { SigningContext } from './context.ts';
import type { BegunCheck } from './identity-check.ts';
import { makePreview, PreviewFiles, previewPage } from './preview.ts';
import { confirm, consent, refuse } from './signer-acts.ts';
import { copyTaskOf } from './copy-task.ts';
import { documentPage, download, evidenceFlow, noteViews } from './signer-reading.ts';
import type { SignerKey } from './signer-store.ts';
import { signerFields, signerSeals, taskOf, type SignerTask } from './signer-task.ts';
import { handOver, openLink, placeOf, refused, requireConsent, visitOf, type Visit } from './signer-visit.ts';

/** Where a browser's request came from. */
type From = Omit<ActOrigin, 'sessionId'>;

/**
 * What a signer does on the signing page, and what somebody does there who gets a copy: look at the signed document and
 * download it. Every call but the first two is of a visit, and is refused with a
 * `SignerErrorCode` where the visit's step or the flow does not allow it. Pages raise those of `PageImageErrorCode` too.
 */
export interface Signers {
  /** Opens the link of a token. @throws DomainError signer_link_invalid, signer_link_expired */
  openLink(token: string, from: From): Promise<{ cookie: string; sessionId: string; key: SignerKey }>;
  /** The visit of a session's cookie, or undefined where there is none any more. */
  visit(cookie: string, from: From): Promise<Visit | undefined>;
  task(visit: Visit): Promise<SignerTask>;
  sendCode(visit: Visit): Promise<BegunCheck>;
  checkCode(visit: Visit, code: string): Promise<void>;
  consent(visit: Visit, version: string): Promise<void>;
  /** `fileId` names the revision that was drawn. */
  page(visit: Visit, wanted: { page: number; widthPixels: number }): Promise<PageImage & { fileId: string }>;
  noteViews(visit: Visit, views: readonly { page: number; milliseconds: number }[]): Promise<void>;
  /** SVG. @throws DomainError seal_not_found */
  sealPicture(visit: Visit, sealId: string): Promise<string>;
  preview(visit: Visit, choices: readonly FieldChoice[]): Promise<{ previewId: string; pages: number[] }>;
  previewPage(visit: Visit, wanted: { previewId: string; page: number; widthPixels: number }): Promise<PageImage>;
  confirm(visit: Visit, previewId: string): Promise<void>;
  refuse(visit: Visit, reason: string): Promise<void>;
  handOver(visit: Visit): Promise<{ url: string; expiresAt: Date }>;
  download(visit: Visit): Promise<{ fileName: string; bytes: Buffer }>;
  /** The flow whose evidence report may be given to this signer. */
  evidenceFlow(visit: Visit): Promise<{ appId: string; flowId: string; actor: string }>;
}

export function createSigners(context: SigningContext): Signers {
  const code = createCodeCheck(context);
  const previews = new PreviewFiles();
  return {
    openLink: (token, from) => openLink(context, token, from),
    visit: (cookie, from) => visitOf(context, cookie, from),
    task: (visit) => (visit.session.is_copy ? copyTaskOf(context, visit) : taskOf(context, visit)),
    sendCode: (visit) => code.begin(visit),
    async checkCode(visit, given) {
      const verdict = await code.judge(visit, given);
      if (verdict.kind === 'wrong') throw refused('signer_code_wrong', { triesLeft: String(verdict.triesLeft) });
      if (verdict.kind === 'expired') throw refused('signer_code_expired');
      if (verdict.kind === 'locked') {
        throw refused('signer_code_locked', { retryAfter: secondsUntil(verdict.until, context.clock.now()) });
      }
    },
    consent: (visit, version) => consent(context, visit, version),
    page: (visit, wanted) => documentPage(context, visit, wanted),
    noteViews: (visit, views) => noteViews(context, visit, views),
    async sealPicture(visit, sealId) {
      requireConsent(visit);
      const { flow, signer } = await placeOf(context, visit);
      const seals = await signerSeals(context, flow, signer, await signerFields(context, flow, signer));
      const seal = seals.find((one) => one.sealId === sealId);
      if (seal === undefined) throw new DomainError('seal_not_found', { sealId });
      return appearanceSvg(seal.appearance);
    },
    preview: (visit, choices) => makePreview(context, previews, visit, choices),
    previewPage: (visit, wanted) => previewPage(context, previews, visit, wanted),
    confirm: (visit, previewId) => confirm(context, visit, previewId),
    refuse: (visit, reason) => refuse(context, visit, reason),
    handOver: (visit) => handOver(context, visit),
    download: (visit) => download(context, visit),
    evidenceFlow: (visit) => evidenceFlow(context, visit),
  };
}
