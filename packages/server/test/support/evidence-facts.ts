import { createHash } from 'node:crypto';
import type { AuditFacts, EvidenceFacts } from '../../src/evidence-report/facts.ts';
import type { Act, ActKind } from '../../src/signing/index.ts';

const APP_ID = 'A'.repeat(16);
const FLOW_ID = 'c64665aa4f1c45679e65b6fae33cd773';
const START = Date.parse('2026-03-22T10:24:28.123Z');
const PHONE =
  'Mozilla/5.0 (Linux; Android 13; SM-A136B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36';
const WECHAT =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2d) NetType/WIFI Language/zh_CN';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hexId = (text: string): string => sha256(text).slice(0, 32);

type Given = { kind: ActKind; signer?: number; at: number; origin?: boolean } & Partial<
  Pick<Act, 'messageId' | 'consentVersion' | 'fileId' | 'fileSha256' | 'detail'>
>;

function act(given: Given, index: number): Act {
  const { signer, origin = false } = given;
  const content = JSON.stringify([index, given]);
  return {
    appId: APP_ID,
    flowId: FLOW_ID,
    actNo: index + 1,
    actId: hexId(`act ${index}`),
    signerId: signer === undefined ? null : hexId(`signer ${signer}`),
    kind: given.kind,
    actor: signer === undefined ? 'system' : `signer:${hexId(`signer ${signer}`)}`,
    at: new Date(START + given.at * 1000),
    ip: origin ? `203.0.113.${20 + (signer ?? 0)}` : null,
    userAgent: origin ? (signer === 1 ? PHONE : WECHAT) : null,
    sessionId: origin ? hexId(`session ${signer}`) : null,
    messageId: given.messageId ?? null,
    consentVersion: given.consentVersion ?? null,
    fileId: given.fileId ?? null,
    fileSha256: given.fileSha256 ?? null,
    detail: given.detail ?? {},
    content,
    sha256: sha256(content),
  };
}

/** What one person did, from the link to the signature. */
function personsActs(signer: number, from: number): Given[] {
  const to = '138****8000';
  const message = hexId(`code ${signer}`);
  const act = (kind: ActKind, seconds: number, more: Partial<Given> = {}): Given => ({
    kind,
    signer,
    at: from + seconds,
    origin: true,
    ...more,
  });
  return [
    { kind: 'link_sent', signer, at: from, messageId: hexId(`link ${signer}`), detail: { channel: 'mobile', to } },
    act('opened', 30),
    act('code_sent', 34, { messageId: message, detail: { to } }),
    act('code_wrong', 50, { detail: { triesLeft: 4 } }),
    act('identity_checked', 61, { messageId: message, detail: { method: 'code', to } }),
    act('consented', 75, { consentVersion: '2026-03-01', detail: { textSha256: sha256('terms') } }),
    act('document_opened', 76, { fileId: hexId('file 0'), fileSha256: sha256('file 0'), detail: { pages: 12 } }),
    act('previewed', 200, { detail: { previewId: hexId(`preview ${signer}`), pages: [1, 12] } }),
    act('confirmed', 215, {
      detail: {
        previewId: hexId(`preview ${signer}`),
        fields: [{ fieldId: hexId(`field ${signer}`), form: 'handwritten' }],
        choicesSha256: sha256(`choices ${signer}`),
        pagesViewed: 12,
        viewedMs: 124_500,
      },
    }),
    act('signed', 216, {
      origin: false,
      fileId: hexId(`file ${signer}`),
      fileSha256: sha256(`file ${signer}`),
      detail: { fieldId: hexId(`field ${signer}`), sealId: null, signedFileId: hexId(`file ${signer - 1}`) },
    }),
  ];
}

/** A flow that two people and a company signed: fixed facts, with no store behind them. */
export function evidenceFacts({ pages = 12 } = {}): { facts: EvidenceFacts; audit: AuditFacts } {
  const given: Given[] = [
    {
      kind: 'created',
      at: 0,
      fileId: hexId('file 0'),
      fileSha256: sha256('file 0'),
      detail: { fileName: '房屋买卖合同.pdf' },
    },
    ...personsActs(1, 1),
    ...personsActs(2, 300),
    {
      kind: 'signed',
      signer: 3,
      at: 520,
      fileId: hexId('file 3'),
      fileSha256: sha256('file 3'),
      detail: { fieldId: hexId('field 3'), sealId: hexId('seal') },
    },
    { kind: 'done', at: 520, fileId: hexId('file 3'), fileSha256: sha256('file 3') },
    { kind: 'downloaded', signer: 2, at: 700, origin: true },
  ];
  const acts = given.map(act);
  const person = (signer: number, name: string) => ({
    signerId: hexId(`signer ${signer}`),
    kind: 'individual' as const,
    name,
    orgNo: null,
    idNumber: '110***********002X',
    mobile: '138****8000',
    signOrder: signer,
    state: 'signed' as const,
    confirmedAt: new Date(START + 215_000),
    endedAt: new Date(START + 216_000),
  });
  const certificate = (holder: string) => ({
    subject: `C=CN，O=${holder}，CN=${holder}`,
    issuer: 'C=CN，O=印信 Yinxin，CN=印信签发证书 Yinxin Issuing CA',
    serialNumber: sha256(holder).slice(0, 40),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2029-01-01T00:00:00Z'),
    sha256: sha256(`certificate ${holder}`),
  });
  const holders = ['李四', '王五', '北京易楼房地产经纪有限公司'];
  const facts: EvidenceFacts = {
    evidence: {
      flow: {
        flowId: FLOW_ID,
        appId: APP_ID,
        flowRequestId: '5zuoUOcBuN0uRusZlsYC',
        autoArchive: true,
        businessScene: '房屋买卖合同.pdf',
        state: 'done',
        startedAt: new Date(START),
        endedAt: new Date(START + 520_000),
        reason: null,
        initiatorMemberNo: hexId('member'),
        initiatorOrgNo: hexId('org'),
        signValidity: new Date(START + 86_400_000),
      },
      fileId: hexId('file 3'),
      signers: [
        person(1, '李四'),
        person(2, '王五'),
        {
          ...person(3, '北京易楼房地产经纪有限公司'),
          kind: 'company',
          orgNo: hexId('org'),
          idNumber: null,
          mobile: null,
        },
      ],
      acts,
      views: [1, 2].flatMap((signer) =>
        Array.from({ length: pages }, (_, index) => ({
          signerId: hexId(`signer ${signer}`),
          page: index + 1,
          milliseconds: 4_200 + 731 * index,
          firstAt: new Date(START + 80_000 + index * 5_000),
          lastAt: new Date(START + 120_000 + index * 5_000),
        })),
      ),
      fields: [],
    },
    companies: [{ etcOrgNo: hexId('org'), name: '北京易楼房地产经纪有限公司', socialCreditCode: '91110105MA01ABCD0X' }],
    initiatorName: '张三',
    revisions: [0, 1, 2, 3].map((number) => ({
      fileId: hexId(`file ${number}`),
      sha256: sha256(`file ${number}`),
      byteLength: 102_400 + 31_000 * number,
      at: new Date(START + number * 200_000),
      actNo: acts.find((each) => each.fileId === hexId(`file ${number}`))?.actNo ?? null,
    })),
    signatures: holders.map((holder, index) => ({
      fieldName: `signature-${hexId(`field ${index + 1}`)}-12`,
      kind: 'signature',
      certificate: certificate(holder),
      level: index === 2 ? 'B-T' : 'B-B',
      hasTimestamp: index === 2,
      coveredSha256: sha256(`covered ${index}`),
      coveredBytes: 133_400 + 31_000 * index,
    })),
  };
  const entries = acts.map((each, index) => ({
    sequence: 1_042 + index,
    at: each.at,
    actor: each.actor,
    action: `sign_flow.${each.kind}`,
    detail: { actId: each.actId, actSha256: each.sha256 },
    hash: Buffer.from(sha256(`entry ${index}`), 'hex'),
  }));
  return { facts, audit: { entries, head: { sequence: 1_100, hash: Buffer.from(sha256('head'), 'hex') } } };
}
