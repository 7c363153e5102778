import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import { registerSignerApi } from '../../src/dialects/signer/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { evidenceOf } from '../support/ended-flows.ts';
import { writeName } from '../support/signer-hand.ts';
import { HOUR_MS, individual, pdfsig, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';
import { button, DESKTOP, heading, inspect, openWindow, PHONE, type OpenWindow } from '../support/signing-window.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const CONTRACT = new URL('../../../../examples/房屋买卖合同.pdf', import.meta.url);
const COMPANY = '杭州印信科技有限公司';

let fixture: SigningFixture;
let server: FastifyInstance;
let url: string;
let contractUrl: string;
let chromium: TestBrowser;
beforeAll(async () => {
  await ensurePage(ROOT, process.execPath);
  [fixture, chromium] = await Promise.all([startSigningFixture(), openBrowser()]);
  contractUrl = fixture.outside.answer('/house.pdf', await readFile(CONTRACT));
  server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  const limits = { unprovenPerSecondPerAddressMax: 10_000, requestsPerSecondPerMemberMax: 10_000 };
  registerSignerApi(server, {
    signing: fixture.service.signing,
    evidence: await evidenceOf(fixture),
    clock: fixture.clock,
    baseUrl: () => url,
    limits,
  });
  registerPageRoutes(server, { pageFolder: fileURLToPath(new URL('packages/web/dist/', `file://${ROOT}`)) });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  fixture.jobs.lose();
  // Codes are counted by the hour.
  fixture.clock.pass(2 * HOUR_MS);
});
afterAll(async () => {
  await chromium?.close();
  await server?.close();
  await fixture?.close();
});

const base = { width: null, date: null };
const LI = individual({
  signOrder: 1,
  fields: [
    {
      ...base,
      placement: { kind: 'page', positions: [{ page: 1, x: 160, y: 200 }] },
      date: { fontSize: 12, format: 'yyyy年MM月dd日', positions: [{ page: 1, x: 160, y: 165 }] },
      forms: ['handwritten', 'template'],
    },
  ],
});
const WANG = individual({
  signOrder: 1,
  name: '王五',
  idNumber: '110105194912310038',
  mobile: '13700137000',
  fields: [{ ...base, placement: { kind: 'free' }, forms: ['template'] }],
});
const MANUAL = {
  ...base,
  autoExecute: false,
  placement: { kind: 'page' as const, positions: [{ page: 1, x: 430, y: 190 }] },
};

/** The link of the newest message to this mobile, in a browser of its own. */
async function openLink(mobile: string): Promise<OpenWindow> {
  const opened = await openWindow(chromium, PHONE, { deviceScaleFactor: 2 });
  await opened.tab.goto(`${url}/sign#${await fixture.service.outgoing.linkOf(mobile)}`);
  return opened;
}

/** The code, as who has this address. */
async function proveBy(tab: Page, address: string, label: string): Promise<void> {
  await button(tab, '发送验证码').click();
  const code = tab.getByRole('textbox', { name: label });
  await code.waitFor();
  await code.fill(await fixture.service.outgoing.codeOf(address));
}

/** Code and consent, as the signer of this mobile. */
async function enter(tab: Page, mobile: string): Promise<void> {
  await button(tab, '发送验证码').click();
  await tab.getByRole('textbox', { name: '短信验证码' }).waitFor();
  await tab.getByRole('textbox', { name: '短信验证码' }).fill(await fixture.service.outgoing.codeOf(mobile));
  await tab.getByRole('checkbox').check();
  await button(tab, '同意，查看文件').click();
  await pictureThere(tab, '第 1 页');
}

async function pictureThere(tab: Page, name: string): Promise<void> {
  await tab.locator(`img.there[alt^="${name}"]`).waitFor();
}

/** The preview, the one confirmation, and the job that makes the signature. */
async function confirm(tab: Page, shot: string): Promise<void> {
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  await pictureThere(tab, '第 1 页');
  await inspect(chromium, tab, PHONE, `service-${shot}-preview`);
  await button(tab, '确认签署').click();
  await heading(tab, '正在签署').waitFor();
  expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
}

test('two people and a company sign one contract, from the links to the archive', async () => {
  const employee = await fixture.service.company({ name: COMPANY, memberName: '赵六', mobile: '13900139000' });
  const flowId = await fixture.openedFlow({
    fileUrl: contractUrl,
    initiator: { etcMemberNo: employee.etcMemberNo, signOrder: 2, fields: [MANUAL] },
    signers: [LI, WANG],
  });

  const li = await openLink(LI.mobile);
  await li.tab.getByText('赵六').first().waitFor();
  await enter(li.tab, LI.mobile);
  await inspect(chromium, li.tab, PHONE, 'service-li-document');
  await button(li.tab, '开始签名').click();
  await button(li.tab, '点此签名').click();
  await writeName(li.tab);
  await button(li.tab, '使用').click();
  await inspect(chromium, li.tab, PHONE, 'service-li-filled');
  await confirm(li.tab, 'li');
  await heading(li.tab, '您已签署').waitFor();

  const wang = await openLink(WANG.mobile);
  await enter(wang.tab, WANG.mobile);
  await button(wang.tab, '点此签名').click();
  await button(wang.tab, '使用').click();
  const mark = wang.tab.getByRole('button', { name: /用方向键移动/ });
  const box = (await mark.boundingBox())!;
  await wang.tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await wang.tab.mouse.down();
  await wang.tab.mouse.move(box.x + 100, box.y + 60, { steps: 5 });
  await wang.tab.mouse.up();
  await inspect(chromium, wang.tab, PHONE, 'service-wang-placed');
  await confirm(wang.tab, 'wang');
  await heading(wang.tab, '您已签署').waitFor();

  // The company comes last; its link went out with the second signature.
  const company = await openLink('13900139000');
  await enter(company.tab, '13900139000');
  await button(company.tab, '开始盖章').click();
  await button(company.tab, '点此盖章').click();
  await company.tab.getByRole('radio', { name: '合同专用章' }).check();
  await inspect(chromium, company.tab, PHONE, 'service-company-seals');
  await button(company.tab, '使用').click();
  await confirm(company.tab, 'company');
  await heading(company.tab, '全部签署完成').waitFor();
  await inspect(chromium, company.tab, PHONE, 'service-archived');
  // Who signed first sees it as well, without doing anything.
  await heading(li.tab, '全部签署完成').waitFor();

  const waiting = company.tab.waitForEvent('download');
  await company.tab.getByRole('link', { name: '下载已签文件' }).click();
  const pdf = await readFile(await (await waiting).path());
  expect(pdf.equals(await fixture.newestFile(flowId))).toBe(true);
  expect(await pdfsig(fixture.directory, pdf)).toEqual({ listed: 3, valid: 3 });
  expect(await fixture.state(flowId)).toBe('done');
  for (const { seen, context } of [li, wang, company]) {
    expect(seen.complaints).toEqual([]);
    await context.close();
  }
  const acts = await fixture.service.signing.evidence(fixture.service.appId, flowId);
  expect(acts.acts.filter(({ kind }) => kind === 'confirmed')).toHaveLength(3);
});

test('after the end: who signed comes back by the message, and who gets a copy sees the document; with the keyboard too', async () => {
  const { signing, appId } = fixture.service;
  const flowId = await fixture.openedFlow({
    fileUrl: contractUrl,
    initiator: { etcMemberNo: fixture.company.etcMemberNo, signOrder: 2, fields: [] },
    signers: [LI],
  });
  // As long as companies have them, and longer than a phone is wide.
  const email = 'zhou@contracts.department.hangzhou-yinxin-technology.example.com';
  await signing.addCopy({ appId, flowId, name: '周律师', mobile: null, email, actor: 'operator' });
  const li = await openLink(LI.mobile);
  await enter(li.tab, LI.mobile);
  await button(li.tab, '开始签名').click();
  await button(li.tab, '点此签名').click();
  await writeName(li.tab);
  await button(li.tab, '使用').click();
  await confirm(li.tab, 'last');
  await heading(li.tab, '全部签署完成').waitFor();
  await li.context.close();
  fixture.clock.pass(HOUR_MS);

  const back = await openLink(LI.mobile);
  await heading(back.tab, '先确认是您本人').waitFor();
  await inspect(chromium, back.tab, PHONE, 'after-identity');
  await proveBy(back.tab, LI.mobile, '短信验证码');
  await heading(back.tab, '全部签署完成').waitFor();
  await inspect(chromium, back.tab, PHONE, 'after-done');
  await button(back.tab, '查看文件').click();
  await pictureThere(back.tab, '第 1 页');
  await inspect(chromium, back.tab, PHONE, 'after-done-document');
  const report = back.tab.waitForEvent('download');
  await back.tab.getByRole('link', { name: '下载证据报告' }).click();
  expect((await report).suggestedFilename()).toBe(`签署证据报告-${flowId}.pdf`);
  expect(await pdfsig(fixture.directory, await readFile(await (await report).path()))).toEqual({ listed: 1, valid: 1 });

  const copy = await openLink(email);
  await copy.tab.getByText('抄送给您').waitFor();
  await inspect(chromium, copy.tab, PHONE, 'copy-identity');
  await proveBy(copy.tab, email, '邮件验证码');
  await heading(copy.tab, '已签文件').waitFor();
  await pictureThere(copy.tab, '第 1 页');
  await inspect(chromium, copy.tab, PHONE, 'copy-document');
  expect(await copy.tab.getByRole('link', { name: '下载证据报告' }).count()).toBe(0);
  expect(await copy.tab.getByRole('button', { name: /签名|拒绝/ }).count()).toBe(0);
  await button(copy.tab, 'Switch to English').click();
  await heading(copy.tab, 'The signed document').waitFor();
  await inspect(chromium, copy.tab, PHONE, 'copy-english');
  await copy.tab.setViewportSize({ width: DESKTOP.width, height: DESKTOP.height });
  await inspect(chromium, copy.tab, DESKTOP, 'copy-english');
  // From the download on to the pages, which keys then move.
  const link = copy.tab.getByRole('link', { name: 'Download the signed document' });
  await link.focus();
  const waiting = copy.tab.waitForEvent('download');
  await copy.tab.keyboard.press('Enter');
  expect((await readFile(await (await waiting).path())).equals(await fixture.newestFile(flowId))).toBe(true);
  await copy.tab.keyboard.press('Tab');
  expect(await copy.tab.locator(':focus').getAttribute('aria-label')).toBe('The signed document');
  for (const { seen, context } of [back, copy]) {
    expect(seen.complaints).toEqual([]);
    await context.close();
  }
});

test('one refuses: who has the document open is told why, and nobody signs any more', async () => {
  const flowId = await fixture.openedFlow({
    fileUrl: contractUrl,
    initiator: { etcMemberNo: fixture.company.etcMemberNo, signOrder: 2, fields: [] },
    signers: [LI, WANG],
  });
  const li = await openLink(LI.mobile);
  await enter(li.tab, LI.mobile);
  await button(li.tab, '开始签名').click();
  await button(li.tab, '点此签名').click();
  await writeName(li.tab);
  await button(li.tab, '使用').click();

  const wang = await openLink(WANG.mobile);
  await enter(wang.tab, WANG.mobile);
  await button(wang.tab, '详情').click();
  await wang.tab.getByRole('dialog').getByRole('button', { name: '拒绝签署' }).click();
  await wang.tab.getByRole('textbox', { name: '原因' }).fill('价格与口头约定不符');
  await button(wang.tab, '确认拒签').click();
  await heading(wang.tab, '您已拒签').waitFor();
  await inspect(chromium, wang.tab, PHONE, 'service-refused');

  await heading(li.tab, '有一方拒签').waitFor();
  await li.tab.getByText('原因：价格与口头约定不符').waitFor();
  await inspect(chromium, li.tab, PHONE, 'service-refused-by-other');
  expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
  expect(await fixture.state(flowId)).toBe('refused');
  await li.context.close();
  await wang.context.close();
});

test('one is revoked while its preview is open: the confirmation comes too late and signs nothing', async () => {
  const flowId = await fixture.openedFlow({ fileUrl: contractUrl, signers: [LI] });
  const li = await openLink(LI.mobile);
  await enter(li.tab, LI.mobile);
  await button(li.tab, '开始签名').click();
  await button(li.tab, '点此签名').click();
  await writeName(li.tab);
  await button(li.tab, '使用').click();
  await button(li.tab, '预览签署效果').click();
  await heading(li.tab, '确认签署').waitFor();
  const { etcMemberNo } = fixture.company;
  await fixture.service.signing.revokeFlow({
    appId: fixture.service.appId,
    flowId,
    etcMemberNo,
    reason: '房源信息有误，重新发起',
  });
  // Before the page asks by itself, the signer presses: or after it, and finds no button to press.
  await button(li.tab, '确认签署')
    .click({ timeout: 1_000 })
    .catch(() => undefined);
  await heading(li.tab, '发起方已撤销').waitFor();
  await inspect(chromium, li.tab, PHONE, 'service-revoked');
  expect(await fixture.state(flowId)).toBe('revoked');
  await li.context.close();
});

test('begun at a desk, signed by hand on the phone: the code on the screen leads there, and the screen follows', async () => {
  await fixture.openedFlow({
    fileUrl: contractUrl,
    initiator: { etcMemberNo: fixture.company.etcMemberNo, signOrder: 2, fields: [] },
    signers: [LI],
  });
  const desk = await openWindow(chromium, DESKTOP);
  await desk.tab.goto(`${url}/sign#${await fixture.service.outgoing.linkOf(LI.mobile)}`);
  await enter(desk.tab, LI.mobile);
  const made = desk.tab.waitForResponse('**/sign/v1/handover');
  await button(desk.tab, '用手机签名').click();
  const link = ((await (await made).json()) as { url: string }).url;
  await desk.tab.getByRole('img', { name: '在手机上继续签署的二维码' }).waitFor();
  await inspect(chromium, desk.tab, DESKTOP, 'service-handover');

  // Another device proves itself anew, a minute later.
  fixture.clock.pass(61_000);
  const phone = await openWindow(chromium, PHONE, { deviceScaleFactor: 2 });
  await phone.tab.goto(`${url}/sign${new URL(link).hash}`);
  await enter(phone.tab, LI.mobile);
  await button(phone.tab, '开始签名').click();
  await button(phone.tab, '点此签名').click();
  await writeName(phone.tab);
  await button(phone.tab, '使用').click();
  await confirm(phone.tab, 'handed-over');
  await heading(phone.tab, '全部签署完成').waitFor();
  await heading(desk.tab, '全部签署完成').waitFor();
  await desk.context.close();
  await phone.context.close();
});
