import { afterAll, beforeAll, expect, it } from 'vitest';
import { createJobs, type Jobs } from '../../src/jobs/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLog } from '../../src/platform/log.ts';
import { contractPdf } from '../support/contract-pdf.ts';
import { startHttpStub, type HttpStub } from '../support/http-stub.ts';
import { silentField } from '../support/signing-fixture.ts';
import { startSigningService, type SigningService } from '../support/signing-service.ts';

let service: SigningService;
let outside: HttpStub;
let jobs: Jobs;

beforeAll(async () => {
  outside = await startHttpStub();
  service = await startSigningService({
    clock: systemClock,
    jobs: ({ pool }) =>
      (jobs = createJobs({ pool, log: createLog({ level: 'silent' }), concurrency: 2, pollIntervalMs: 200 })),
  });
  await jobs.start();
  await service.relay.start();
});

afterAll(async () => {
  await jobs?.stop();
  await service?.relay.stop();
  await service?.close();
  await outside?.close();
});

it('both notifications of a silently signed flow reach a receiver that refuses the first attempt', async () => {
  const done = Promise.withResolvers<void>();
  const acknowledged: string[] = [];
  const notifyUrl = outside.answer('/notify', (response) => {
    const body = outside.received.at(-1)!;
    // The first attempt of all is not acknowledged: 200 alone does not count.
    if (outside.received.length === 1) {
      response.writeHead(200).end('ok');
      return;
    }
    acknowledged.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"response_code":"000"}');
    if (acknowledged.length === 2) done.resolve();
  });
  await service.apps.setNotifyUrl({ appId: service.appId, notifyUrl, actor: 'operator' });
  const { etcMemberNo } = await service.company();

  const { flowRequestId } = await service.signing.createFlow({
    appId: service.appId,
    bizRequestNo: null,
    fileUrl: outside.answer('/contract.pdf', await contractPdf(1)),
    fileName: '静默签署授权书.pdf',
    notifyUrl: null,
    signValidity: null,
    finishNotifyFlag: true,
    initiator: { etcMemberNo, signOrder: 1, fields: [silentField()] },
    signers: [],
  });
  await done.promise;

  const bodies = acknowledged.map((body) => JSON.parse(body));
  const created = bodies.find((body) => body.api_callback_code === 'create_sign_process');
  const ended = bodies.find((body) => body.api_callback_code === 'sign_process');
  expect(created.data).toMatchObject({ flow_request_id: flowRequestId, success_flag: true, message: '发起成功' });
  expect(ended.data).toMatchObject({ flow_id: created.data.flow_id, flow_status: '2' });
  expect(new Set(outside.received).size).toBe(2);
  expect(outside.received).toHaveLength(3);
});
