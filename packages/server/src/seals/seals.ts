import { createHash } from 'node:crypto';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { fileUrl, verifyFileUrl, type FileUrlParts } from '../documents/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Executor } from '../platform/database/index.ts';
import type { Appearance } from '../documents/index.ts';
import type { DateFormat } from './date-line.ts';
import { dateText, textLine } from './date-line.ts';
import { personalSeal } from './personal-seal.ts';
import { roundSeal, type RoundSeal } from './round-seal.ts';
import { sealOutlines } from './seal-font.ts';
import { sealPng } from './seal-image.ts';
import { findSuccessor, insertSuccessor, isReviewRequired } from './review-store.ts';
import {
  findDefaultSeal,
  findDrawing,
  findOtherSeals,
  insertDefaultSeal,
  insertSealOnce,
  retireSeal,
} from './store.ts';
import type { SealStatus } from './tables.ts';
import { aliasOf, templateOf, variantOf, type SealVariant } from './variants.ts';

export interface Company {
  appId: string;
  etcOrgNo: string;
  /** The full registered name: what the seal says. */
  companyName: string;
}

export interface Seal {
  /** 32 hex digits. */
  sealId: string;
  alias: string;
  /** 42 mm across. While the seal is in use it is the same object, so that what is made of it can be kept too. */
  appearance: Appearance;
  /** Only an active seal may sign. */
  status: SealStatus;
}

export interface DateLine {
  at: Date;
  format: DateFormat;
  /** Points; 12 by default. */
  fontSize?: number;
}

export type SealErrorCode =
  | 'seal_not_found'
  | 'seal_character_missing'
  /** A design that the company has not what it takes for. */
  | 'seal_variant_unknown'
  /** The seal waits for its review, or did not pass it, and signs nothing. */
  | 'seal_not_reviewed'
  | 'seal_rejected'
  | 'file_url_forged'
  | 'file_url_expired';

/** A company with the code that one of the designs shows. */
export interface CodedCompany extends Company {
  code: string | null;
}

export interface Seals {
  /**
   * The company's default seal, drawn from its name and kept when it is first asked for. A company that has changed
   * its name gets a new one, and the old one is retired. A new seal waits for a review where the application asks for
   * one. `executor` may be the caller's transaction, at PostgreSQL's
   * default isolation.
   *
   * @throws DomainError `seal_character_missing` with `characters` where the font cannot write the name.
   */
  defaultSeal(executor: Executor, company: Company): Promise<Seal>;
  /** The default seal, if it may sign. @throws DomainError `seal_not_reviewed`, `seal_rejected`, and as above */
  signingSeal(executor: Executor, company: Company): Promise<Seal>;
  /** The seals that may sign for the company, the default one first. Errors as above. */
  companySeals(executor: Executor, company: Company): Promise<Seal[]>;
  /** What a seal looks like, whether it still signs or not. @throws DomainError `seal_not_found` */
  sealDrawing(executor: Executor, seal: { appId: string; sealId: string }): Promise<Appearance>;
  /** A person's square seal, drawn from the name, always the same. @throws DomainError `seal_character_missing` */
  personalSeal(name: string): Promise<Appearance>;
  /**
   * A seal as a PNG on a transparent ground, 600 pixels wide.
   *
   * @throws DomainError `seal_not_found`
   */
  sealImage(executor: Executor, seal: { appId: string; sealId: string }): Promise<Buffer>;
  /** A design as a picture, whether the company has it or not. @throws DomainError `seal_variant_unknown`, `seal_character_missing` */
  variantImage(company: Pick<CodedCompany, 'companyName' | 'code'>, variant: SealVariant): Promise<Buffer>;
  /** The design of the company's default seal, or of the one that is to follow it; undefined where it has none yet. */
  chosenVariant(executor: Executor, company: Company): Promise<SealVariant | undefined>;
  /**
   * Makes a design the company's default seal; the one before is retired. Where new seals are reviewed, it goes on
   * until the new one has passed. Errors as above.
   */
  chooseVariant(executor: Executor, company: CodedCompany, variant: SealVariant): Promise<{ sealId: string }>;
  /** A URL of the seal's picture for whoever holds it, for 30 days. */
  sealUrl(seal: { appId: string; sealId: string }): string;
  /** The picture that a URL opens. @throws DomainError `file_url_forged`, `file_url_expired`, `seal_not_found` */
  openSealUrl(executor: Executor, parts: FileUrlParts): Promise<Buffer>;
  /** One line of black text. @throws DomainError `seal_character_missing` */
  writing(text: string, fontSize: number): Promise<Appearance>;
  /** The day of a signing in China time, in black. */
  dateLine(line: DateLine): Promise<Appearance>;
}

export interface SealsDependencies {
  clock: Clock;
  /** Where others reach the service, and what signs the links to pictures. */
  links?: { baseUrl: () => string; key: Buffer };
  /** Parsed drawings kept in memory, some 150 KB each; those used last stay. */
  drawingsKeptMax?: number;
}

const SEAL_URL_LIFE_MS = 30 * 86_400_000;
/** Two nodes that know a company by different names can undo each other's seal; it ends with the first that agrees. */
const TRIES_MAX = 5;
const DRAWINGS_KEPT_MAX = 200;
/** What who signs for a company chooses from, besides its default seal. */
const CHOICES = ['plain', 'contract'] as const satisfies SealVariant[];

export function createSeals({ clock, links, drawingsKeptMax = DRAWINGS_KEPT_MAX }: SealsDependencies): Seals {
  const drawings = new Map<string, Appearance>();
  const personalSeals = new Map<string, Appearance>();

  /** A seal's drawing. It never changes, and to parse it for each signature costs two thirds of the throughput. */
  async function drawingOf(executor: Executor, seal: { appId: string; sealId: string }): Promise<Appearance> {
    const key = `${seal.appId}/${seal.sealId}`;
    const drawing = drawings.get(key) ?? (await findDrawing(executor, seal));
    if (drawing === undefined) throw new DomainError<SealErrorCode>('seal_not_found', { sealId: seal.sealId });
    // Put in anew, so that the first of the map is the one used least recently.
    drawings.delete(key);
    drawings.set(key, drawing);
    const [oldest] = drawings.keys();
    if (oldest !== undefined && drawings.size > drawingsKeptMax) drawings.delete(oldest);
    return drawing;
  }

  async function newSeal({ appId, etcOrgNo }: Company, template: RoundSeal, isReviewed: boolean) {
    const drawing = roundSeal(template, await sealOutlines());
    return {
      app_id: appId,
      seal_id: hexId(),
      etc_org_no: etcOrgNo,
      alias: aliasOf(variantOf(template)),
      kind: 'company_template' as const,
      status: isReviewed ? ('pending' as const) : ('active' as const),
      template: JSON.stringify(template),
      drawing: JSON.stringify(drawing),
      created_at: clock.now(),
      retired_at: null,
    };
  }

  async function drawDefault(executor: Executor, company: Company, template: RoundSeal): Promise<void> {
    const isReviewed = await isReviewRequired(executor, company.appId);
    await insertDefaultSeal(executor, { ...(await newSeal(company, template, isReviewed)), is_default: true });
  }

  /** The seal with this design that waits to follow the default one; one with another design is withdrawn for it. */
  async function proposeSuccessor(
    executor: Executor,
    company: Company,
    template: RoundSeal,
  ): Promise<string | undefined> {
    const waiting = await findSuccessor(executor, company);
    if (waiting && isSameTemplate(waiting.template, template)) return waiting.sealId;
    if (waiting) await retireSeal(executor, { appId: company.appId, sealId: waiting.sealId, at: clock.now() });
    const seal = await newSeal(company, template, true);
    const isInserted = await insertSuccessor(executor, { ...seal, is_default: false, is_successor: true });
    return isInserted ? seal.seal_id : undefined;
  }

  async function defaultSeal(executor: Executor, company: Company): Promise<Seal> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const stored = await findDefaultSeal(executor, company);
      if (stored?.template.name === company.companyName) {
        const { sealId, alias, status } = stored;
        return { sealId, alias, status, appearance: await drawingOf(executor, { appId: company.appId, sealId }) };
      }
      if (stored) await retireSeal(executor, { appId: company.appId, sealId: stored.sealId, at: clock.now() });
      await drawDefault(executor, company, { name: company.companyName });
    }
    throw new Error(`the default seal of ${company.etcOrgNo} does not settle: two names are in use at once`);
  }

  function linksOf(): { baseUrl: () => string; key: Buffer } {
    if (links === undefined) throw new Error('no links to pictures: the seals were made without a base URL');
    return links;
  }

  /** The usual designs are drawn when they are first asked for. Where new seals are reviewed, only a chosen one is made. */
  async function drawOtherDesigns(executor: Executor, company: Company, first: Seal): Promise<void> {
    if (await isReviewRequired(executor, company.appId)) return;
    const known = await findOtherSeals(executor, company);
    for (const variant of CHOICES) {
      const alias = aliasOf(variant);
      if (alias === first.alias || known.some((seal) => seal.alias === alias)) continue;
      const template = wantedTemplate(company.companyName, null, variant);
      const seal = await newSeal(company, template, false);
      await insertSealOnce(executor, { ...seal, seal_id: designId(company, variant), is_default: false });
    }
  }

  async function signingSeal(executor: Executor, company: Company): Promise<Seal> {
    const seal = await defaultSeal(executor, company);
    if (seal.status === 'active') return seal;
    const code = seal.status === 'rejected' ? 'seal_rejected' : 'seal_not_reviewed';
    throw new DomainError<SealErrorCode>(code, { sealId: seal.sealId });
  }

  return {
    defaultSeal,
    signingSeal,

    async companySeals(executor, company) {
      const first = await signingSeal(executor, company);
      await drawOtherDesigns(executor, company, first);
      const others = await findOtherSeals(executor, company);
      const seals = others
        .filter(({ template }) => template.name === company.companyName)
        .map(async ({ sealId, alias, status }) => {
          return { sealId, alias, status, appearance: await drawingOf(executor, { appId: company.appId, sealId }) };
        });
      return [first, ...(await Promise.all(seals))];
    },

    sealDrawing: drawingOf,

    async personalSeal(name) {
      const known = personalSeals.get(name);
      if (known !== undefined) return known;
      const made = personalSeal(name, await sealOutlines());
      const [oldest] = personalSeals.keys();
      if (oldest !== undefined && personalSeals.size >= drawingsKeptMax) personalSeals.delete(oldest);
      personalSeals.set(name, made);
      return made;
    },

    async sealImage(executor, seal) {
      return sealPng(await drawingOf(executor, seal));
    },

    async variantImage({ companyName, code }, variant) {
      return sealPng(roundSeal(wantedTemplate(companyName, code, variant), await sealOutlines()));
    },

    async chosenVariant(executor, company) {
      const stored = (await findSuccessor(executor, company)) ?? (await findDefaultSeal(executor, company));
      return stored?.template.name === company.companyName ? variantOf(stored.template) : undefined;
    },

    async chooseVariant(executor, company, variant) {
      const template = wantedTemplate(company.companyName, company.code, variant);
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const stored = await findDefaultSeal(executor, company);
        const isRejected = stored?.status === 'rejected';
        if (stored && !isRejected && isSameTemplate(stored.template, template)) {
          const successor = await findSuccessor(executor, company);
          if (successor)
            await retireSeal(executor, { appId: company.appId, sealId: successor.sealId, at: clock.now() });
          return { sealId: stored.sealId };
        }
        const goesOn = stored?.status === 'active' && stored.template.name === company.companyName;
        if (goesOn && (await isReviewRequired(executor, company.appId))) {
          const sealId = await proposeSuccessor(executor, company, template);
          if (sealId !== undefined) return { sealId };
          continue;
        }
        if (stored) await retireSeal(executor, { appId: company.appId, sealId: stored.sealId, at: clock.now() });
        await drawDefault(executor, company, template);
      }
      throw new Error(`the default seal of ${company.etcOrgNo} does not settle: two designs are chosen at once`);
    },

    sealUrl({ appId, sealId }) {
      const { baseUrl, key } = linksOf();
      const expiresAt = new Date(clock.now().getTime() + SEAL_URL_LIFE_MS);
      return fileUrl(baseUrl(), { appId, fileId: sealId }, expiresAt, key, 'seals');
    },

    async openSealUrl(executor, parts) {
      const check = verifyFileUrl(parts, clock.now(), linksOf().key);
      if (!check.ok)
        throw new DomainError<SealErrorCode>(check.reason === 'expired' ? 'file_url_expired' : 'file_url_forged');
      return sealPng(await drawingOf(executor, { appId: parts.appId, sealId: parts.fileId }));
    },

    writing: async (text, fontSize) => textLine(text, await sealOutlines(), fontSize),

    async dateLine({ at, format, fontSize }) {
      return textLine(dateText(at, format), await sealOutlines(), fontSize);
    },
  };
}

/** Two nodes that draw the same design at once draw one seal. */
function designId({ appId, etcOrgNo, companyName }: Company, variant: SealVariant): string {
  return createHash('sha256')
    .update(JSON.stringify([appId, etcOrgNo, companyName, variant]))
    .digest('hex')
    .slice(0, 32);
}

function wantedTemplate(name: string, code: string | null, variant: SealVariant): RoundSeal {
  const template = templateOf(variant, name, code);
  if (template === undefined) throw new DomainError<SealErrorCode>('seal_variant_unknown', { variant });
  return template;
}

function isSameTemplate(a: RoundSeal, b: RoundSeal): boolean {
  return a.name === b.name && a.line === b.line && a.number === b.number;
}
