import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { hexId, newAppId } from '../platform/ids.ts';
import { createSeals } from './index.ts';
import type { SealTables } from './tables.ts';

const at = new Date('2026-11-21T02:00:00Z');
const seals = createSeals({ clock: { now: () => at } });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const company = (companyName = '示例房地产经纪有限公司') => ({ appId: newAppId(), etcOrgNo: hexId(), companyName });

function rowsOf({ appId }: { appId: string }) {
  return database.db.withTables<SealTables>().selectFrom('seal').selectAll().where('app_id', '=', appId).execute();
}

describe("a company's default seal", () => {
  it('is drawn and kept when it is first asked for, and the same ever after', async () => {
    const asked = company();
    const first = await seals.defaultSeal(database.db, asked);
    expect(first).toMatchObject({ sealId: expect.stringMatching(/^[0-9a-f]{32}$/), alias: '公章' });
    expect(first.appearance.paths).toHaveLength(3);
    expect(await seals.defaultSeal(database.db, asked)).toEqual(first);
    expect(await rowsOf(asked)).toMatchObject([
      {
        seal_id: first.sealId,
        status: 'active',
        is_default: true,
        created_at: at,
        template: { name: asked.companyName },
      },
    ]);
  });

  it('is read and parsed once, then kept as the same object, and read again by another node', async () => {
    const asked = company();
    const first = await seals.defaultSeal(database.db, asked);
    expect((await seals.defaultSeal(database.db, asked)).appearance).toBe(first.appearance);
    const other = await createSeals({ clock: { now: () => at } }).defaultSeal(database.db, asked);
    expect(other).toEqual(first);
    expect(other.appearance).not.toBe(first.appearance);
  });

  it('is kept for a bounded number of seals, those used last', async () => {
    const [often, seldom] = [company(), company()];
    const bounded = createSeals({ clock: { now: () => at }, drawingsKeptMax: 2 });
    const [ofOften, ofSeldom] = [
      await bounded.defaultSeal(database.db, often),
      await bounded.defaultSeal(database.db, seldom),
    ];
    expect((await bounded.defaultSeal(database.db, often)).appearance).toBe(ofOften.appearance);
    await bounded.defaultSeal(database.db, company());
    expect((await bounded.defaultSeal(database.db, often)).appearance).toBe(ofOften.appearance);
    expect((await bounded.defaultSeal(database.db, seldom)).appearance).not.toBe(ofSeldom.appearance);
  });

  it('is one seal when several nodes ask for it first at the same time', async () => {
    const asked = company();
    const answers = await Promise.all(Array.from({ length: 8 }, () => seals.defaultSeal(database.db, asked)));
    expect(new Set(answers.map((seal) => seal.sealId)).size).toBe(1);
    expect(await rowsOf(asked)).toHaveLength(1);
  });

  it("is the other node's when that one's transaction commits first, and its own when that rolls back", async () => {
    for (const end of ['commit', 'rollback'] as const) {
      const asked = company();
      const other = await database.db.startTransaction().execute();
      const theirs = await seals.defaultSeal(other, asked);
      const asking = database.db.transaction().execute((transaction) => seals.defaultSeal(transaction, asked));
      await other[end]().execute();
      const ours = await asking;
      expect(ours.sealId === theirs.sealId).toBe(end === 'commit');
      expect(await rowsOf(asked)).toHaveLength(1);
    }
  });

  it('is kept apart by application and company', async () => {
    const asked = company();
    const ids = await Promise.all(
      [asked, { ...asked, appId: newAppId() }, { ...asked, etcOrgNo: hexId() }].map(
        async (one) => (await seals.defaultSeal(database.db, one)).sealId,
      ),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('is drawn anew for a company that changed its name, and the old one can still be seen', async () => {
    const before = company('示例置业有限公司');
    const old = await seals.defaultSeal(database.db, before);
    const renamed = await seals.defaultSeal(database.db, { ...before, companyName: '新示例置业有限公司' });
    expect(renamed.sealId).not.toBe(old.sealId);
    expect((await rowsOf(before)).find((row) => row.seal_id === old.sealId)).toMatchObject({
      status: 'retired',
      is_default: false,
      retired_at: at,
    });
    expect((await seals.sealImage(database.db, { appId: before.appId, sealId: old.sealId })).length).toBeGreaterThan(0);
  });

  it('is not made where a character of the name is missing from the font', async () => {
    const asked = company('示例😀公司');
    await expect(seals.defaultSeal(database.db, asked)).rejects.toMatchObject({
      code: 'seal_character_missing',
      params: { characters: '😀' },
    });
    expect(await rowsOf(asked)).toEqual([]);
  });

  it('cannot be two, whatever is written', async () => {
    const asked = company();
    const { sealId } = await seals.defaultSeal(database.db, asked);
    const table = database.db.withTables<SealTables>();
    const [row] = await rowsOf(asked);
    const again = {
      ...row!,
      seal_id: hexId(),
      template: JSON.stringify(row!.template),
      drawing: JSON.stringify(row!.drawing),
    };
    await expect(table.insertInto('seal').values(again).execute()).rejects.toMatchObject({
      constraint: 'seal_default',
    });
    expect((await seals.defaultSeal(database.db, asked)).sealId).toBe(sealId);
  });
});

describe('pictures and dates', () => {
  it("answers the seal's PNG to its own application alone", async () => {
    const asked = company();
    const { sealId } = await seals.defaultSeal(database.db, asked);
    const png = await seals.sealImage(database.db, { appId: asked.appId, sealId });
    expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(600);
    await expect(seals.sealImage(database.db, { appId: newAppId(), sealId })).rejects.toMatchObject({
      code: 'seal_not_found',
    });
  });

  it('draws a date line of 12 points unless told otherwise', async () => {
    expect((await seals.dateLine({ at, format: 'yyyy-MM-dd' })).height).toBe(12);
    expect((await seals.dateLine({ at, format: 'yyyy年MM月dd日', fontSize: 24 })).height).toBe(24);
  });
});
