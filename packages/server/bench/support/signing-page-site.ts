import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PDFDocument } from '@cantoo/pdf-lib';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import { registerSignerApi } from '../../src/dialects/signer/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { openServiceDatabase } from '../../src/service/database.ts';
import { startHttpStub } from '../../test/support/http-stub.ts';
import { createManualJobs } from '../../test/support/manual-jobs.ts';
import { openLink, type SignerClient } from '../../test/support/signer-client.ts';
import { startSigningService } from '../../test/support/signing-service.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE_FOLDER = join(ROOT, 'packages', 'web', 'dist');
const CONTRACT = join(ROOT, 'examples', '房屋买卖合同.pdf');
const MOBILE = '13800138000';
const RATE_MAX = 1_000_000;

export interface SigningPageSite extends AsyncDisposable {
  readonly url: string;
  /** A signer who has proved who they are and agreed: their next step is the document. */
  reader(): Promise<SignerClient>;
}

/** The signing page before the service itself, with one flow that waits for a person; in memory but for its database. */
export async function startSigningPageSite(folder: string, pageCount: number): Promise<SigningPageSite> {
  if (!(await ensurePage(ROOT, process.execPath))) throw new Error('the pages are not built');
  await using starting = new AsyncDisposableStack();
  const log = createLog({ level: 'silent' });
  const config = readConfig({ YINXIN_DATA_DIR: folder }, { cwd: folder, nodeName: 'bench' });
  const opened = await openServiceDatabase(config, log, starting);
  const jobs = createManualJobs();
  const clock = systemClock;
  const service = await startSigningService({
    clock,
    jobs: () => jobs,
    database: { ...opened, url: opened.connectionString, close: async () => undefined, drop: async () => undefined },
  });
  starting.defer(() => service.close());
  const outside = await startHttpStub();
  starting.defer(() => outside.close());

  const company = await service.company();
  await service.signing.createFlow({
    appId: service.appId,
    bizRequestNo: null,
    fileUrl: outside.answer('/contract.pdf', await contractOf(pageCount)),
    fileName: '房屋买卖合同.pdf',
    notifyUrl: `${outside.url}/notify`,
    signValidity: null,
    finishNotifyFlag: false,
    initiator: { etcMemberNo: company.etcMemberNo, signOrder: 2, fields: [] },
    signers: [
      {
        signOrder: 1,
        name: '李四',
        idNumber: '11010519491231002X',
        mobile: MOBILE,
        fields: [
          {
            placement: { kind: 'page', positions: [{ page: pageCount, x: 160, y: 200 }] },
            width: null,
            date: null,
            forms: ['handwritten', 'template'],
          },
        ],
      },
    ],
  });
  const [fault] = await jobs.run(clock.now());
  if (fault !== undefined) throw fault;

  const server = createHttpServer({ log, trustedProxies: [] });
  let url = '';
  const limits = { unprovenPerSecondPerAddressMax: RATE_MAX, requestsPerSecondPerMemberMax: RATE_MAX };
  const evidence = { report: (): Promise<never> => Promise.reject(new Error('nobody makes reports here')) };
  registerSignerApi(server, { signing: service.signing, evidence, clock, baseUrl: () => url, limits });
  registerPageRoutes(server, { pageFolder: PAGE_FOLDER });
  await server.listen({ host: '127.0.0.1', port: 0 });
  starting.defer(() => server.close());
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const token = await service.outgoing.linkOf(MOBILE);

  const running = starting.move();
  return {
    url,
    async reader() {
      const signer = await openLink({ url: `${url}/sign/v1`, close: async () => undefined }, token);
      await signer.enter(() => service.outgoing.codeOf(MOBILE));
      return signer;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The example contract again and again: pages of real text, with tables. */
async function contractOf(pageCount: number): Promise<Buffer> {
  const example = await PDFDocument.load(await readFile(CONTRACT));
  const made = await PDFDocument.create();
  const wanted = Array.from({ length: pageCount }, (_, index) => index % example.getPageCount());
  for (const page of await made.copyPages(example, wanted)) made.addPage(page);
  return Buffer.from(await made.save());
}
