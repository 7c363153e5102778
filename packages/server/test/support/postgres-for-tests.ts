import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { basename, join } from 'node:path';

import type { TestProject } from 'vitest/node';

import type { EmbeddedPostgres } from '../../src/platform/database/index.ts';
import { TEMPORARY_PARENTS, makeTemporaryFolder } from './temporary-folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the socket on which the test run hands out its PostgreSQL: see `database.ts`. */
    postgresForTests: string;
  }
}

/** What a test file is told: where the server is and which database to copy, or why there is none. */
export type PostgresForTests = { readonly url: string; readonly template: string } | { readonly error: string };

const FOLDER_PREFIX = 'yinxin-test-';
const TEMPLATE = 'yinxin_template';

/**
 * One PostgreSQL for the whole test run, started when the first test file asks for it: a run of unit tests alone pays
 * for a listening socket. It lives in a temporary folder, without fsync, and is gone with the run; what a killed run
 * left is cleared away by the next.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeTemporaryFolder(`${FOLDER_PREFIX}${process.pid}-`);
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${FOLDER_PREFIX}${process.pid}` : join(folder, 'ask');
  let started: Promise<{ server: EmbeddedPostgres; answer: PostgresForTests }> | undefined;
  const askServer = createServer((connection) => {
    started ??= startServer(folder);
    started.then(
      ({ answer }) => connection.end(JSON.stringify(answer)),
      (error: unknown) => connection.end(JSON.stringify({ error: describe(error) })),
    );
  });
  await listen(askServer, socket);
  project.provide('postgresForTests', socket);
  return async () => {
    askServer.close();
    const running = await started?.catch(() => undefined);
    await running?.server.destroy();
    await rm(folder, { recursive: true, force: true });
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function startServer(folder: string): Promise<{ server: EmbeddedPostgres; answer: PostgresForTests }> {
  const { migrate, openDatabase, startEmbeddedPostgres } = await import('../../src/platform/database/index.ts');
  await removeAbandonedFolders();
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  // Root's PostgreSQL runs as another user, who must be able to pass through.
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, fsync: false });
  const admin = await openDatabase({ url: server.connectionString, poolSizeMax: 1, applicationName: 'template' });
  await admin.pool.query(`create database ${TEMPLATE}`);
  await admin.close();
  const url = new URL(server.connectionString);
  url.pathname = `/${TEMPLATE}`;
  const template = await openDatabase({ url: url.href, poolSizeMax: 1, applicationName: 'template' });
  try {
    await migrate(template.pool);
    return { server, answer: { url: server.connectionString, template: TEMPLATE } };
  } catch (error) {
    return { server, answer: { error: `The template database could not be migrated: ${describe(error)}` } };
  } finally {
    await template.close();
  }
}

/** Stops the servers and removes the folders of test runs whose process is gone. */
async function removeAbandonedFolders(): Promise<void> {
  const { place, removePlacement } = await import('../../src/platform/database/placement.ts');
  const { findPostmaster, stopPostmaster } = await import('../../src/platform/database/postmaster.ts');
  const { processExists } = await import('../../src/platform/database/cluster.ts');
  for (const folder of await listTestFolders()) {
    if (processExists(Number(basename(folder).slice(FOLDER_PREFIX.length).split('-')[0]))) continue;
    try {
      const placement = await place(join(folder, 'data'));
      const postmaster = await findPostmaster(placement);
      if (postmaster !== undefined) await stopPostmaster(placement, postmaster);
      await removePlacement(placement);
      await rm(folder, { recursive: true, force: true });
    } catch {
      // Another run clears the same folder, or it belongs to another user: neither is this run's concern.
    }
  }
}

async function listTestFolders(): Promise<string[]> {
  const lists = await Promise.all(
    TEMPORARY_PARENTS.map(async (parent) => {
      const names = await readdir(parent).catch(() => []);
      return names.filter((name) => name.startsWith(FOLDER_PREFIX)).map((name) => join(parent, name));
    }),
  );
  return lists.flat();
}
