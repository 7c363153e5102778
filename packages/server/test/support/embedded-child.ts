/**
 * A process that runs an embedded server, for tests that kill it. Arguments: the data directory, then any of
 * `--uid=N --gid=N` (goes on as that user) and `--transaction` (leaves one open, with a row that is never committed).
 * Every line it prints is a JSON object with `event`. It stops the server when its input ends.
 */
import { once } from 'node:events';

import { openDatabase, startEmbeddedPostgres } from '../../src/platform/database/index.ts';
import { isDomainError } from '../../src/platform/errors.ts';

function print(event: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ ...fields, event })}\n`);
}

function argument(name: string): number | undefined {
  const text = process.argv.find((value) => value.startsWith(`--${name}=`));
  return text === undefined ? undefined : Number(text.split('=')[1]);
}

const [uid, gid] = [argument('uid'), argument('gid')];
if (uid !== undefined && gid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

try {
  const server = await startEmbeddedPostgres({
    dataDir: process.argv[2]!,
    log: {
      info: (fields, message) => print(message, fields),
      warn: (fields, message) => print(message, fields),
    },
  });
  if (process.argv.includes('--transaction')) {
    const database = await openDatabase({ url: server.connectionString, poolSizeMax: 2, applicationName: 'child' });
    await database.pool.query('create table if not exists note (text text not null)');
    await database.pool.query("insert into note values ('committed')");
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query("insert into note values ('not committed')");
  }
  const { connectionString, timings, takenOver } = server;
  print('ready', { connectionString, timings, takenOver, postmaster: server.pid() });
  await once(process.stdin.resume(), 'end');
  await server.stop();
  print('stopped');
  process.exit(0);
} catch (error) {
  print('failed', isDomainError(error) ? { code: error.code, params: error.params } : { message: String(error) });
  process.exit(1);
}
