import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Executor } from '../platform/database/index.ts';
import type { Appearance } from '../documents/index.ts';
import type { DateFormat } from './date-line.ts';
import { dateText, textLine } from './date-line.ts';
import { roundSeal } from './round-seal.ts';
import { sealOutlines } from './seal-font.ts';
import { sealPng } from './seal-image.ts';
import { findDefaultSeal, findDrawing, insertDefaultSeal, retireSeal } from './store.ts';

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

export type SealErrorCode = 'seal_not_found' | 'seal_character_missing';

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
  /** The day of a signing in China time, in black. */
  dateLine(line: DateLine): Promise<Appearance>;
}

export interface SealsDependencies {
  clock: Clock;
  /** Parsed drawings kept in memory, some 150 KB each; those used last stay. */
  drawingsKeptMax?: number;
}

const DEFAULT_ALIAS = '公章';
/** Two nodes that know a company by different names can undo each other's seal; it ends with the first that agrees. */
const TRIES_MAX = 5;
const DRAWINGS_KEPT_MAX = 200;

export function createSeals({ clock, drawingsKeptMax = DRAWINGS_KEPT_MAX }: SealsDependencies): Seals {
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

  async function drawDefault(executor: Executor, { appId, etcOrgNo, companyName }: Company): Promise<void> {
    const template = { name: companyName };
    const drawing = roundSeal(template, await sealOutlines());
    await insertDefaultSeal(executor, {
      app_id: appId,
      seal_id: hexId(),
      etc_org_no: etcOrgNo,
      alias: DEFAULT_ALIAS,
      kind: 'company_template',
      status: 'active',
      template: JSON.stringify(template),
      drawing: JSON.stringify(drawing),
      is_default: true,
      created_at: clock.now(),
      retired_at: null,
    });
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
        await drawDefault(executor, company);
      }
      throw new Error(`the default seal of ${company.etcOrgNo} does not settle: two names are in use at once`);
    },

    async sealImage(executor, seal) {
      return sealPng(await drawingOf(executor, seal));
    },

    async dateLine({ at, format, fontSize }) {
      return textLine(dateText(at, format), await sealOutlines(), fontSize);
    },
  };
}
