import { anything, assert, asyncProperty, constantFrom, dictionary, oneof, string } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createPageImageLinks, createPageImages } from '../../src/documents/index.ts';
import { createParties } from '../../src/parties/index.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createQuotas } from '../../src/quotas/index.ts';
import { createReceipts } from '../../src/receipts/index.ts';
import { createSealReview, createSeals } from '../../src/seals/index.ts';
import { callNewer } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { startSigningFixture } from '../support/signing-fixture.ts';

const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { db } = service.database;
const { apps, documents, signing } = service;
const parties = createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock });
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
const images = createPageImages();
const links = { baseUrl: () => 'http://files.test', key: Buffer.alloc(32, 1) };
const gateway = await startGatewayOf(fixture, {
  quotas: createQuotas({ db, clock, apps, parties }),
  receipts: createReceipts({ db, clock, egress, parties, documents, signing }),
  sealReview: createSealReview({ db, clock, seals: createSeals({ clock, links }) }),
  pageImages: createPageImageLinks({ documents, images, clock, ...links }),
});
const { client } = gateway;
const flowId = await fixture.waitingFlow();
afterAll(async () => {
  await gateway.close();
  await images.close();
  await egress.close();
  await fixture.close();
});

const CODES: Readonly<Record<string, readonly string[]>> = {
  'esign.contract.surplus': ['nothing'],
  'esign.contract.order': ['public_estate_type', 'etc_org_no', 'amount', 'bizRequestNo'],
  'esign.seal.pending': ['nothing'],
  'esign.seal.review': ['etc_org_no', 'seal_id', 'status', 'reason'],
  'esign.signflows.rushsign': ['flowId', 'idNumber'],
  'esign.signflows.pdf2img': ['flowId'],
  'esign.account.indiv.delete': ['user_id'],
  'esign.signflows.receipt.create': ['notify_url', 'biz_params', 'sign_template_code', 'auto_execute', 'etc_org_no'],
  'esign.signflows.receipt.download': ['sign_flow_id'],
};
/** Values that fit somewhere, and some that fit nowhere. */
const value = oneof(
  constantFrom<unknown>('T001', 'true', '1', 1, 7, -1, 1e300, '5', '11010519491231002X', '13800138000'),
  constantFrom<unknown>(
    flowId,
    fixture.company.etcOrgNo,
    'http://127.0.0.1:9/x',
    { T001005: '壹元整' },
    '\u0000',
    '😀',
  ),
  string({ maxLength: 70 }),
  anything({ maxDepth: 2 }),
);

describe('the codes of quotas, seals, people, pages and receipts', () => {
  test.each(Object.entries(CODES))('%s never fails of itself, whatever it is sent', async (apiCode, names) => {
    const params = dictionary(constantFrom(...names), value);
    await assert(
      asyncProperty(params, async (given) => {
        // What JSON cannot say is not sent.
        const sent = JSON.parse(JSON.stringify(given) ?? '{}') as object;
        const { code, data } = await callNewer(client, apiCode, sent);
        expect(['000', '400', '429', '1435011', '1437111']).toContain(code);
        if (code !== '000') expect(data).toBeNull();
      }),
      { numRuns: 40 },
    );
  });

  test.each(Object.keys(CODES))('%s is for applications that it was granted to', async (apiCode) => {
    const { db: database } = service.database;
    const appId = client.appId;
    await database
      .withTables<{ app: { app_id: string; grants: string[] } }>()
      .updateTable('app')
      .set({ grants: ['esign.signflows.query'] })
      .where('app_id', '=', appId)
      .execute();
    clock.pass(2_000);
    expect(await callNewer(client, apiCode, {})).toMatchObject({ code: '401002', data: null });
    await database
      .withTables<{ app: { app_id: string; grants: string[] } }>()
      .updateTable('app')
      .set({ grants: ['*'] })
      .where('app_id', '=', appId)
      .execute();
    clock.pass(2_000);
  });
});
