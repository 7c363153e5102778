import { setImmediate as nextTurn } from 'node:timers/promises';
import { createComposer, type Composer } from '../typesetting/index.ts';
import type { ReportedSignature, ValidationReport } from '../validation/index.ts';
import { deviceOf } from './device.ts';
import type { AuditFacts, EvidenceFacts, SignatureFact } from './facts.ts';
import { reportJson } from './report-json.ts';
import { ACT_WORDS, actDetail, both, moment, momentLines, SIGNER_WORDS, STATE_WORDS } from './words.ts';

const GREY = '#6B6B6B';
const NONE = '–';

export interface ReportInput {
  facts: EvidenceFacts;
  audit: AuditFacts;
  /** What our own validation says of the document at `at`; null where it cannot say anything. */
  validation: ValidationReport | null;
  /** SHA-256 over the facts, hex: what the report is of. */
  factsSha256: string;
  at: Date;
}

/** The evidence report of a flow before it is signed: Chinese with English beside, on as many pages as it takes. */
export async function reportPdf({ facts, audit, validation, factsSha256, at }: ReportInput): Promise<Buffer> {
  const { flow } = facts.evidence;
  const composer = numbered(
    await createComposer({
      title: `签署证据报告 ${flow.flowId}`,
      at,
      footer: `签署证据报告 Signing Evidence Report · ${flow.flowId} · ${moment(at)}`,
    }),
  );
  composer.paragraph('签署证据报告', { size: 20, align: 'centre' });
  composer.paragraph('Signing Evidence Report', { size: 11, align: 'centre', colour: GREY });
  composer.space(8);
  composer.record([
    ['报告内容摘要 Digest of the facts', factsSha256],
    ['生成时间 Made at', moment(at)],
    ['签发 Issued by', '印信电子签名服务 Yinxin, whose signature this file carries'],
  ]);
  const parts = [
    () => writeFlow(composer, facts),
    () => writeParties(composer, facts),
    () => writeRevisions(composer, facts),
    () => writeSignatures(composer, facts, validation),
    () => writeActs(composer, facts),
    () => writeSessions(composer, facts),
    () => writeViews(composer, facts),
    () => writeChain(composer, facts, audit),
    () => writeNotes(composer),
  ];
  for (const write of parts) {
    write();
    // Laying out a part takes up to some 100 ms: other requests go on between two.
    await nextTurn();
  }
  composer.attach({
    name: 'evidence.json',
    mediaType: 'application/json',
    bytes: reportJson({ facts, audit, validation, factsSha256, at }),
  });
  return composer.finish();
}

const NUMBERS = '一二三四五六七八九十';

/** Numbers the headings as they come: what a flow has nothing of is left out. */
function numbered(composer: Composer): Composer {
  let count = 0;
  return {
    ...composer,
    heading(chinese, english) {
      composer.heading(`${NUMBERS[count] ?? ''}、${chinese}`, english);
      count += 1;
    },
  };
}

function writeFlow(composer: Composer, { evidence: { flow }, initiatorName, companies }: EvidenceFacts): void {
  const company = companies.find(({ etcOrgNo }) => etcOrgNo === flow.initiatorOrgNo);
  composer.heading('签署流程', 'The flow');
  composer.record([
    ['文件主题 Subject', flow.businessScene],
    ['流程编号 Flow', flow.flowId],
    ['结果 Outcome', both(STATE_WORDS[flow.state])],
    ...(flow.reason === null ? [] : ([['原因 Reason', flow.reason]] as const)),
    ['发起方 Begun by', [company?.name ?? flow.initiatorOrgNo, initiatorName].filter(Boolean).join('，')],
    ['发起时间 Begun at', moment(flow.startedAt)],
    ['结束时间 Ended at', flow.endedAt === null ? NONE : moment(flow.endedAt)],
    ['签署截止 Deadline', flow.signValidity === null ? '无 none' : moment(flow.signValidity)],
  ]);
}

function writeParties(composer: Composer, { evidence: { signers }, companies }: EvidenceFacts): void {
  composer.heading('签署方', 'Parties');
  composer.table({
    columns: [
      { title: '序\nNo.', share: 6 },
      { title: '名称\nName', share: 30 },
      { title: '证件（隐去部分）\nIdentity, masked', share: 26 },
      { title: '手机\nMobile', share: 16 },
      { title: '结果\nResult', share: 14 },
      { title: '时间\nAt', share: 22 },
    ],
    rows: signers.map((signer, index) => {
      const company = companies.find(({ etcOrgNo }) => etcOrgNo === signer.orgNo);
      const identity = signer.kind === 'company' ? company?.socialCreditCode : (signer.idNumber ?? '已删除 erased');
      const mobile = signer.kind === 'company' ? NONE : (signer.mobile ?? '已删除 erased');
      const kind = signer.kind === 'company' ? '企业 company' : '个人 person';
      return [
        String(index + 1),
        `${signer.name}\n${kind} · 顺序 order ${signer.signOrder}`,
        identity ?? NONE,
        mobile,
        SIGNER_WORDS[signer.state].join('\n'),
        signer.endedAt === null ? NONE : momentLines(signer.endedAt),
      ];
    }),
  });
}

function writeRevisions(composer: Composer, { revisions }: EvidenceFacts): void {
  composer.heading('文件版本', 'Revisions of the document');
  composer.table({
    columns: [
      { title: '序\nNo.', share: 6 },
      { title: '来由\nMade by', share: 20 },
      { title: 'SHA-256', share: 38 },
      { title: '字节\nBytes', share: 14 },
      { title: '时间\nAt', share: 24 },
    ],
    rows: revisions.map((revision, index) => [
      String(index + 1),
      revision.actNo === null ? '时间戳等补充\nlong-term data' : `第${revision.actNo}号行为\nact ${revision.actNo}`,
      halves(revision.sha256),
      revision.byteLength === null ? NONE : String(revision.byteLength),
      momentLines(revision.at),
    ]),
  });
}

function writeSignatures(composer: Composer, { signatures }: EvidenceFacts, validation: ValidationReport | null): void {
  composer.heading('电子签名与证书', 'Signatures and certificates');
  if (signatures.length === 0) {
    composer.paragraph('文件没有电子签名。The document carries no signature.');
    return;
  }
  if (validation !== null) {
    const { words, checkedAt } = validation;
    composer.record([['生成时校验 Validated', `${words.zh} ${words.en}\n${moment(new Date(checkedAt))}`]]);
    composer.space(6);
  }
  for (const [index, signature] of signatures.entries()) {
    const { certificate } = signature;
    const judged = validation?.signatures.find(({ fieldName }) => fieldName === signature.fieldName);
    const isStamp = signature.kind === 'timestamp';
    composer.record([
      [`第${index + 1}个 No. ${index + 1}`, isStamp ? '文件时间戳 document timestamp' : '电子签名 signature'],
      ['签名域 Field', signature.fieldName],
      ['持有人 Holder', certificate?.subject ?? NONE],
      ['颁发者 Issuer', certificate?.issuer ?? NONE],
      ['证书序列号 Serial number', certificate?.serialNumber ?? NONE],
      ['证书有效期 Valid', certificate ? `${moment(certificate.notBefore)} – ${moment(certificate.notAfter)}` : NONE],
      ['证书SHA-256 Certificate', certificate?.sha256 ?? NONE],
      ...(isStamp ? [] : ([['签名级别 Level', levelText(signature, judged)]] as const)),
      ...(judged === undefined ? [] : ([['校验结果 Verdict', `${judged.words.zh} ${judged.words.en}`]] as const)),
      ['所签内容SHA-256 Covers', `${signature.coveredSha256}\n${signature.coveredBytes}字节 bytes`],
    ]);
    composer.space(6);
  }
}

function levelText(signature: SignatureFact, judged: ReportedSignature | undefined): string {
  const level = judged?.level ?? signature.level;
  const proven = judged?.provenTime;
  const stamped = signature.hasTimestamp ? '含时间戳 with a timestamp' : '时间取自本服务的时钟 time of our own clock';
  const time = proven ? `时间由${proven.authority}证明 proven ${moment(new Date(proven.at))}` : stamped;
  return `${level === null ? 'PAdES' : `PAdES ${level}`}，${time}`;
}

function writeActs(composer: Composer, { evidence: { acts, signers } }: EvidenceFacts): void {
  const nameOf = new Map(signers.map((signer, index) => [signer.signerId, `${index + 1}. ${signer.name}`]));
  const sessions = sessionLabels(acts);
  composer.heading('签署行为', 'Acts');
  composer.table({
    size: 7,
    columns: [
      { title: '号\nNo.', share: 6 },
      { title: '时间（含时区）\nTime and zone', share: 18 },
      { title: '行为\nAct', share: 17 },
      { title: '行为人\nWho', share: 15 },
      { title: '来源\nOrigin', share: 20 },
      { title: '说明\nDetail', share: 34 },
    ],
    rows: acts.map((act) => [
      String(act.actNo),
      momentLines(act.at),
      ACT_WORDS[act.kind].join('\n'),
      (act.signerId !== null && nameOf.get(act.signerId)) || actorText(act.actor),
      originText(act.ip, act.userAgent, sessions.get(act.sessionId ?? '')),
      actDetail(act),
    ]),
  });
}

function actorText(actor: string): string {
  if (actor === 'system') return '本服务\nthis service';
  const [kind = '', id = ''] = actor.split(':', 2);
  const words: Readonly<Record<string, string>> = {
    app: '应用 app',
    member: '成员 member',
    org: '企业 company',
    copy: '抄送 copy',
  };
  return `${words[kind] ?? kind}\n${id}`;
}

function originText(ip: string | null, userAgent: string | null, session: string | undefined): string {
  if (ip === null && userAgent === null) return NONE;
  return [ip ?? NONE, deviceOf(userAgent), ...(session === undefined ? [] : [`会话 session ${session}`])].join('\n');
}

/** S1, S2 … in the order in which sessions come up. */
function sessionLabels(acts: EvidenceFacts['evidence']['acts']): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { sessionId } of acts) {
    if (sessionId !== null && !labels.has(sessionId)) labels.set(sessionId, `S${labels.size + 1}`);
  }
  return labels;
}

function writeSessions(composer: Composer, { evidence: { acts } }: EvidenceFacts): void {
  const labels = sessionLabels(acts);
  if (labels.size === 0) return;
  composer.heading('会话与设备', 'Sessions and devices');
  composer.table({
    size: 7,
    columns: [
      { title: '会话\nSession', share: 10 },
      { title: 'IP', share: 20 },
      { title: '浏览器自述\nWhat the browser calls itself', share: 60 },
    ],
    rows: [...labels].map(([sessionId, label]) => {
      const own = acts.filter((act) => act.sessionId === sessionId);
      const distinct = (values: (string | null)[]): string =>
        [...new Set(values.filter((value) => value !== null))].join('\n') || NONE;
      return [label, distinct(own.map((act) => act.ip)), distinct(own.map((act) => act.userAgent))];
    }),
  });
}

function writeViews(composer: Composer, { evidence: { views, signers } }: EvidenceFacts): void {
  if (views.length === 0) return;
  const nameOf = new Map(signers.map((signer, index) => [signer.signerId, `${index + 1}. ${signer.name}`]));
  composer.heading('逐页阅读记录', 'Page views');
  composer.table({
    columns: [
      { title: '签署方\nParty', share: 24 },
      { title: '页\nPage', share: 8 },
      { title: '停留\nShown for', share: 14 },
      { title: '首次\nFirst', share: 28 },
      { title: '末次\nLast', share: 28 },
    ],
    rows: views.map((view) => [
      nameOf.get(view.signerId) ?? view.signerId,
      String(view.page),
      `${(view.milliseconds / 1000).toFixed(1)} s`,
      moment(view.firstAt),
      moment(view.lastAt),
    ]),
  });
}

function writeChain(composer: Composer, { evidence: { acts } }: EvidenceFacts, audit: AuditFacts): void {
  composer.heading('审计链', 'The audit chain');
  composer.record([
    ['链头序号 Head, entry', audit.head === null ? NONE : String(audit.head.sequence)],
    ['链头哈希 Head, hash', audit.head === null ? NONE : audit.head.hash.toString('hex')],
  ]);
  composer.space(6);
  const entryOf = new Map(audit.entries.map((entry) => [entry.detail['actId'], entry]));
  composer.table({
    size: 6.5,
    columns: [
      { title: '行为\nAct', share: 7 },
      { title: '行为内容SHA-256\nof the act', share: 44 },
      { title: '审计序号\nEntry', share: 9 },
      { title: '审计链哈希\nHash of the chain up to it', share: 44 },
    ],
    rows: acts.map((act) => {
      const entry = entryOf.get(act.actId);
      return [
        String(act.actNo),
        halves(act.sha256),
        entry === undefined ? NONE : String(entry.sequence),
        entry === undefined ? NONE : halves(entry.hash.toString('hex')),
      ];
    }),
  });
}

/** A hash in two lines of the same length, so that it is compared by eye. */
function halves(hash: string): string {
  return `${hash.slice(0, hash.length / 2)}\n${hash.slice(hash.length / 2)}`;
}

function writeNotes(composer: Composer): void {
  composer.heading('核对方法', 'How to check this report');
  for (const note of NOTES) composer.paragraph(note, { size: 8 });
}

const NOTES = [
  '1. 本报告由印信服务以自己的证书签名，任何PDF阅读器都能验证其未被改动。This file is signed by the service; any PDF reader shows whether it was changed.',
  '2. 计算所持合同文件的SHA-256，应与“文件版本”中最后一个版本一致。The SHA-256 of the contract in your hands is that of the last revision.',
  '3. 每个签署行为的内容按固定顺序写成JSON数组后计算SHA-256，即“审计链”中所列的值（原文见附件evidence.json），并写入以SHA-256逐条相连的审计链：改动、删除或调换任何一条都会使其后的哈希不符。Each act is hashed as a JSON array in a fixed order (attached as evidence.json) and stands in an audit chain whose every hash covers the one before.',
  '4. 时间均为中国标准时间（UTC+8）。签名级别为B-T及以上的，签名时间由时间戳服务证明；B-B的签名时间取自本服务的时钟。Times are China Standard Time. From level B-T on, a timestamp service vouches for the time of a signature.',
  '5. 证件号和手机号隐去中间部分；“已删除”表示本人的资料已应要求删除，哈希、证书与行为记录仍然保留，行为记录中隐去中间部分的发送号码属于哈希所覆盖的原文，不作改动。Numbers are masked; “erased” means that the data of a person was erased on request, while the proof was kept: acts stand as they were recorded, with the masked number to which a message went, for their hashes cover it.',
];
