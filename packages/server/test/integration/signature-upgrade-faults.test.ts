import { sql } from 'kysely';
import { afterEach, describe, expect, test } from 'vitest';
import { createManualJobs } from '../support/manual-jobs.ts';
import { HOUR_MS } from '../support/signing-fixture.ts';
import { soundContents, startUpgradeWorld, twoPages, type UpgradeWorld } from '../support/upgrade-world.ts';

const LEASE_MS = 5 * 60_000;

let world: UpgradeWorld;
afterEach(() => world?.fixture.close());

describe('an upgrade', () => {
  test('is made once, however many nodes try', async () => {
    world = await startUpgradeWorld('B-LTA');
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [twoPages()] });
    world.isUp = true;
    world.fixture.clock.pass(HOUR_MS);
    const nodes = Array.from({ length: 3 }, () => {
      const jobs = createManualJobs();
      return {
        jobs,
        signing: world.fixture.service.another(jobs, { longTerm: { level: 'B-LTA', timestamps: world.timestamps } }),
      };
    });
    const files = await world.fileCount();
    await Promise.all(nodes.map((node) => world.later(0, node)));
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'plain',
      'stamped',
      'timestamp',
    ]);
    expect(await world.fileCount()).toBe(files + 1);
  });

  test('of a node that was slow, and first all the same, is the only one', async () => {
    world = await startUpgradeWorld('B-LTA');
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [twoPages()] });
    world.isUp = true;
    world.fixture.clock.pass(HOUR_MS);
    const reached = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const released = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    world.beforeAnswer = async () => {
      const turn = asked;
      asked += 1;
      reached[turn]?.resolve();
      await released[turn]?.promise;
    };
    const jobs = createManualJobs();
    const signing = world.fixture.service.another(jobs, { longTerm: { level: 'B-LTA', timestamps: world.timestamps } });
    await world.fixture.service.signing.sweep();
    const slow = world.fixture.jobs.run(world.fixture.clock.now());
    await reached[0]!.promise;
    world.fixture.clock.pass(LEASE_MS);
    await signing.sweep();
    const other = jobs.run(world.fixture.clock.now());
    await reached[1]!.promise;
    released[0]!.resolve();
    expect(await slow).toEqual([]);
    released[1]!.resolve();
    expect(await other).toEqual([]);
    await world.later(LEASE_MS);
    await world.later(HOUR_MS);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'plain',
      'stamped',
      'timestamp',
    ]);
    expect(await world.queue()).toMatchObject([{ renewal: true }]);
  });

  test('that hung while another node took it on comes to nothing, and leaves no file', async () => {
    world = await startUpgradeWorld('B-T');
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [twoPages()] });
    world.isUp = true;
    world.fixture.clock.pass(HOUR_MS);
    const [stuck, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.beforeAnswer = async () => {
      world.beforeAnswer = async () => {};
      stuck.resolve();
      await released.promise;
    };
    await world.fixture.service.signing.sweep();
    const slow = world.fixture.jobs.run(world.fixture.clock.now());
    await stuck.promise;
    const jobs = createManualJobs();
    const signing = world.fixture.service.another(jobs, { longTerm: { level: 'B-T', timestamps: world.timestamps } });
    await world.later(LEASE_MS, { signing, jobs });
    const upgraded = await world.fixture.newestFile(flowId);
    const files = await world.fileCount();
    released.resolve();
    expect(await slow).toEqual([]);
    expect((await world.fixture.newestFile(flowId)).equals(upgraded)).toBe(true);
    expect(await world.fileCount()).toBe(files);
    await world.later(HOUR_MS);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'plain',
      'stamped',
      'timestamp',
    ]);
    expect(await world.queue()).toEqual([]);
  });

  test.each([1, 4, 7])('whose node dies at its step %i is made by the next', async (dyingStep) => {
    world = await startUpgradeWorld('B-LTA');
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [twoPages()] });
    world.fixture.jobs.lose();
    world.isUp = true;
    world.fixture.clock.pass(HOUR_MS);
    let step = 0;
    const never = new Promise<never>(() => {});
    let dead = Promise.withResolvers<void>();
    // What a killed process does no more: from its step on, nothing that it asks for comes back.
    const dies = <T extends object>(target: T): T =>
      new Proxy(target, {
        get(object, name) {
          const value: unknown = Reflect.get(object, name);
          if (typeof value !== 'function') return value;
          return (...asked: unknown[]) => {
            step += 1;
            if (step - 1 < dyingStep) return (value as (...all: unknown[]) => unknown).apply(object, asked);
            dead.resolve();
            return never;
          };
        },
      });
    const jobs = createManualJobs();
    const { trust, documents } = world.fixture.service;
    world.fixture.service.another(jobs, {
      trust: dies(trust),
      documents: dies(documents),
      longTerm: { level: 'B-LTA', timestamps: dies(world.timestamps) },
    });
    await jobs.add(world.fixture.service.database.db, 'signing.upgrade', {
      appId: world.fixture.service.appId,
      flowId,
    });
    await Promise.race([dead.promise, jobs.run(world.fixture.clock.now())]);

    await world.later(LEASE_MS + 1);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'plain',
      'stamped',
      'timestamp',
    ]);
    expect(await world.levels(flowId)).toEqual(['B-LTA']);
    expect(await world.queue()).toMatchObject([{ renewal: true }]);
  });

  test('that a signature overtook does not count, and what it was for is done later', async () => {
    world = await startUpgradeWorld('B-T');
    world.isUp = false;
    const flowId = await world.fixture.waitingFlow({ fields: [twoPages()] });
    world.isUp = true;
    world.fixture.clock.pass(HOUR_MS);
    const before = await world.fixture.newestFile(flowId);
    world.beforeAnswer = async () => {
      world.beforeAnswer = async () => {};
      // The flow's newest revision changes while the service thinks, as a signature changes it.
      const file = { appId: world.fixture.service.appId, fileName: 'overtaking.pdf', bytes: before };
      const { fileId } = await world.fixture.service.documents.storeFile(file);
      await sql`update sign_flow set file_id = ${fileId} where flow_id = ${flowId}`.execute(
        world.fixture.service.database.db,
      );
    };
    await world.fixture.service.signing.sweep();
    await world.fixture.jobs.runNext();
    expect((await world.fixture.newestFile(flowId)).equals(before)).toBe(true);
    await world.later(LEASE_MS);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual(['plain', 'stamped']);
  });
});
