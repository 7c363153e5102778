// Two statements were uploaded at the same time: the second cut the first off, because each was counted with the 200 MB
// that its route may take, although neither was held in memory. An anonymous request could have done the same.
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

const UPLOADS = 3;
const allBegun = Promise.withResolvers<void>();
let begun = 0;

const server = createHttpServer({
  log: createLog({ level: 'silent' }),
  trustedProxies: [],
  arrivingBytesMax: 1_000_000,
});
server.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const options = { bodyLimit: 900_000, config: { streamsBody: true } };
  scope.post('/streamed', options, async ({ body }) => {
    begun += 1;
    if (begun === UPLOADS) allBegun.resolve();
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Buffer>) bytes += piece.length;
    return { bytes };
  });
});

beforeAll(async () => server.listen({ host: '127.0.0.1', port: 0 }));
afterAll(async () => server.close());

test('a body that is read as it comes cuts no other off', async () => {
  const { port } = server.server.address() as AddressInfo;
  const headers = { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' };
  const uploads = Array.from({ length: UPLOADS }, () => {
    const upload = request({ host: '127.0.0.1', port, method: 'POST', path: '/streamed', headers });
    const answered = new Promise<number>((resolve, reject) => {
      upload.once('response', (answer) => resolve(answer.statusCode ?? 0)).once('error', reject);
    });
    upload.write('a');
    return { upload, answered };
  });
  const answers = Promise.all(uploads.map(({ answered }) => answered));
  await Promise.race([allBegun.promise, answers]);
  for (const { upload } of uploads) upload.end('b');
  expect(await answers).toEqual([200, 200, 200]);
});
