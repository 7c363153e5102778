import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { fileUrl, verifyFileUrl, type FileUrlParts } from '../documents/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Executor } from '../platform/database/index.ts';
import type { Appearance } from '../documents/index.ts';
import type { DateFormat } from './date-line.ts';
import { dateText, textLine } from './date-line.ts';
import { roundSeal, type RoundSeal } from './round-seal.ts';
import { sealOutlines } from './seal-font.ts';
import { sealPng } from './seal-image.ts';
import { findDefaultSeal, findDrawing, insertDefaultSeal, retireSeal } from './store.ts';
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
  | 'file_url_forged'
  | 'file_url_expired';

/** A company with the code that one of the designs shows. */
export interface CodedCompany extends Company {
  code: string | null;
}

export interface Seals {
  /**
   * The company's default seal, drawn from its name and kept when it is first asked for. A company that has changed
   * its name gets a new one, and the old one is retired. `executor` may be the caller's transaction, at PostgreSQL's
   * default isolation.
   *
   * @throws DomainError `seal_character_missing` with `characters` where the font cannot write the name.
   */
  defaultSeal(executor: Executor, company: Company): Promise<Seal>;
  /**
   * A seal as a PNG on a transparent ground, 600 pixels wide.
   *
   * @throws DomainError `seal_not_found`
   */
  sealImage(executor: Executor, seal: { appId: string; sealId: string }): Promise<Buffer>;
  /** A design as a picture, whether the company has it or not. @throws DomainError `seal_variant_unknown`, `seal_character_missing` */
  variantImage(company: Pick<CodedCompany, 'companyName' | 'code'>, variant: SealVariant): Promise<Buffer>;
  /** The design of the company's default seal; undefined where it has none yet. */
  chosenVariant(executor: Executor, company: Company): Promise<SealVariant | undefined>;
  /** Makes a design the company's default seal; the one before is retired. Errors as above. */
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

export function createSeals({ clock, links, drawingsKeptMax = DRAWINGS_KEPT_MAX }: SealsDependencies): Seals {
  const drawings = new Map<string, Appearance>();

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

  async function drawDefault(executor: Executor, { appId, etcOrgNo }: Company, template: RoundSeal): Promise<void> {
    const drawing = roundSeal(template, await sealOutlines());
    await insertDefaultSeal(executor, {
      app_id: appId,
      seal_id: hexId(),
      etc_org_no: etcOrgNo,
      alias: aliasOf(variantOf(template)),
      kind: 'company_template',
      status: 'active',
      template: JSON.stringify(template),
      drawing: JSON.stringify(drawing),
      is_default: true,
      created_at: clock.now(),
      retired_at: null,
    });
  }

  function linksOf(): { baseUrl: () => string; key: Buffer } {
    if (links === undefined) throw new Error('no links to pictures: the seals were made without a base URL');
    return links;
  }

  return {
    async defaultSeal(executor, company) {
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const stored = await findDefaultSeal(executor, company);
        if (stored?.template.name === company.companyName) {
          const { sealId, alias } = stored;
          return { sealId, alias, appearance: await drawingOf(executor, { appId: company.appId, sealId }) };
        }
        if (stored) await retireSeal(executor, { appId: company.appId, sealId: stored.sealId, at: clock.now() });
        await drawDefault(executor, company, { name: company.companyName });
      }
      throw new Error(`the default seal of ${company.etcOrgNo} does not settle: two names are in use at once`);
    },

    async sealImage(executor, seal) {
      return sealPng(await drawingOf(executor, seal));
    },

    async variantImage({ companyName, code }, variant) {
      return sealPng(roundSeal(wantedTemplate(companyName, code, variant), await sealOutlines()));
    },

    async chosenVariant(executor, company) {
      const stored = await findDefaultSeal(executor, company);
      return stored?.template.name === company.companyName ? variantOf(stored.template) : undefined;
    },

    async chooseVariant(executor, company, variant) {
      const template = wantedTemplate(company.companyName, company.code, variant);
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const stored = await findDefaultSeal(executor, company);
        if (stored && isSameTemplate(stored.template, template)) return { sealId: stored.sealId };
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

function wantedTemplate(name: string, code: string | null, variant: SealVariant): RoundSeal {
  const template = templateOf(variant, name, code);
  if (template === undefined) throw new DomainError<SealErrorCode>('seal_variant_unknown', { variant });
  return template;
}

function isSameTemplate(a: RoundSeal, b: RoundSeal): boolean {
  return a.name === b.name && a.line === b.line && a.number === b.number;
}
