import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import {
  SIGNER_SESSION_HEADER,
  type ChoicesRequest,
  type CodeAnswer,
  type CodeRequest,
  type ConfirmRequest,
  type DocumentAnswer,
  type FieldAnswer,
  type HandoverAnswer,
  type PreviewAnswer,
  type RefuseRequest,
  type SealAnswer,
  type SessionRequest,
  type SignerApiErrorCode,
  type SignerErrorAnswer,
  type TaskAnswer,
  type ViewsRequest,
} from '../../src/dialects/signer/contract.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE_FOLDER = fileURLToPath(new URL('../../../web/dist/', import.meta.url));
const A4 = { width: 595, height: 842 };
const SHA256 = 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c';
export const CODE = '246810';

/** A signer whose task a test plays; the page speaks to it as to the service. */
export interface Staged {
  task: TaskAnswer;
  /** What the document will be, once it may be seen. */
  document: DocumentAnswer;
  /** The next answer to this call is this refusal, once. */
  refuseNext(call: string, refusal: Omit<SignerErrorAnswer, 'message'>): void;
  /** After the confirmation the signature is being made until the test says that it is in. */
  finish(isArchived: boolean): void;
  /** What was told of pages that were looked at. */
  readonly views: ViewsRequest['views'];
  readonly choices: ChoicesRequest[];
  /** Pages whose pictures were asked for, in order. */
  readonly picturesAsked: { page: number; width: number }[];
  codesSent: number;
}

export interface StagedSignerPage {
  readonly server: FastifyInstance;
  readonly url: string;
  /** The link is `URL/sign#token-of-NAME`. */
  signer(name: string, changed?: Partial<StagedOptions>): Staged;
  linkOf(name: string): string;
  stop(): Promise<void>;
}

interface StagedOptions {
  pages: number;
  fields: FieldAnswer[];
  seals: SealAnswer[];
  signsFor: string | null;
  readingSeconds: number;
}

export const HANDWRITTEN: FieldAnswer = {
  fieldId: 'field-1',
  placement: { kind: 'page', points: [{ page: 3, x: 420, y: 180 }] },
  width: null,
  forms: ['handwritten', 'template'],
  datePoints: [{ page: 3, x: 420, y: 130 }],
};
const TEMPLATE_SEAL: SealAnswer = {
  sealId: 'seal-name',
  kind: 'template',
  label: '姓名章',
  pictureUrl: '',
  width: 57,
  height: 57,
};

class Refused extends Error {
  readonly status: number;
  readonly body: SignerErrorAnswer;
  constructor(status: number, body: SignerErrorAnswer) {
    super(body.error);
    this.status = status;
    this.body = body;
  }
}
const refused = (error: SignerApiErrorCode, more: Partial<SignerErrorAnswer> = {}): Refused =>
  new Refused(error.startsWith('session') || error.startsWith('token') ? 401 : 409, { error, message: error, ...more });

/** The signing page before an API that a test plays, on a real socket. */
export async function startStagedSigner(): Promise<StagedSignerPage> {
  await ensurePage(ROOT, process.execPath);
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  const signers = new Map<string, Staged & { refusals: Map<string, SignerErrorAnswer> }>();
  registerPageRoutes(server, { pageFolder: PAGE_FOLDER });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));

  const sessionOf = (request: FastifyRequest): string => {
    const { session } = request.query as { session?: string };
    return session ?? String(request.headers[SIGNER_SESSION_HEADER] ?? '');
  };
  function on(
    method: 'GET' | 'POST',
    path: string,
    answer: (staged: Staged, body: unknown, request: FastifyRequest, reply: FastifyReply) => unknown,
  ): void {
    server.route({
      method,
      url: `/sign/v1/${path}`,
      handler: async (request, reply) => {
        const staged = signers.get(sessionOf(request).replace(/^session-of-/, ''));
        try {
          if (staged === undefined) throw refused('session_missing');
          const refusal = staged.refusals.get(path);
          staged.refusals.delete(path);
          if (refusal !== undefined) throw new Refused(409, refusal);
          return await reply.send(await answer(staged, request.body, request, reply));
        } catch (error) {
          if (error instanceof Refused) return reply.code(error.status).send(error.body);
          throw error;
        }
      },
    });
  }

  server.post('/sign/v1/session', async (request, reply) => {
    const { token } = request.body as SessionRequest;
    const name = /^token-of-(.+)$/.exec(token)?.[1];
    const refusal = token === 'expired' ? 'token_expired' : 'token_invalid';
    if (name === undefined || !signers.has(name)) return reply.code(401).send({ error: refusal, message: refusal });
    return { session: `session-of-${name}` };
  });
  on('GET', 'task', ({ task }) => task);
  on('POST', 'code', (staged): CodeAnswer => {
    staged.codesSent += 1;
    return { sentTo: staged.task.signer.maskedMobile, expiresIn: 300, resendIn: 60 };
  });
  on('POST', 'code/check', (staged, body) => {
    if ((body as CodeRequest).code !== CODE) throw refused('code_wrong', { triesLeft: 4 });
    staged.task = { ...staged.task, step: 'consent', identity: { checkedAt: new Date().toISOString() } };
    return staged.task;
  });
  on('POST', 'consent', (staged) => {
    staged.task = { ...staged.task, step: 'document', document: staged.document };
    return staged.task;
  });
  on('GET', 'pages/:page', (staged, _body, request, reply) => {
    const page = Number((request.params as { page: string }).page);
    staged.picturesAsked.push({ page, width: Number((request.query as { width: string }).width) });
    void reply.type('image/svg+xml').header('cache-control', 'private, max-age=300, immutable');
    return pagePicture(page, staged.document.pages.length, []);
  });
  on('POST', 'views', (staged, body, _request, reply) => {
    staged.views.push(...(body as ViewsRequest).views);
    void reply.code(204);
    return '';
  });
  on('GET', 'seals/:sealId', (_staged, _body, request, reply) => {
    void reply.type('image/svg+xml');
    return sealPicture((request.params as { sealId: string }).sealId);
  });
  on('POST', 'preview', (staged, body): PreviewAnswer => {
    const choices = body as ChoicesRequest;
    staged.choices.push(choices);
    return { previewId: `preview-${staged.choices.length}`, pages: pagesOf(staged.document, choices) };
  });
  on('GET', 'previews/:previewId/pages/:page', (staged, _body, request, reply) => {
    void reply.type('image/svg+xml');
    const page = Number((request.params as { page: string }).page);
    return pagePicture(page, staged.document.pages.length, staged.choices.at(-1)?.choices ?? []);
  });
  on('POST', 'confirm', (staged, body) => {
    if ((body as ConfirmRequest).previewId !== `preview-${staged.choices.length}`) throw refused('preview_gone');
    staged.task = { ...staged.task, step: 'sealing', document: null };
    return staged.task;
  });
  on('POST', 'refuse', (staged, body) => {
    const { reason } = body as RefuseRequest;
    staged.task = { ...staged.task, step: 'refused', document: null, reason, endedAt: '2026-11-22T02:30:00.000Z' };
    return staged.task;
  });
  on('POST', 'handover', (): HandoverAnswer => {
    return { url: `${url}/sign#token-of-phone`, expiresAt: '2026-11-22T02:45:00.000Z', expiresIn: 300 };
  });
  on('GET', 'document', (_staged, _body, _request, reply) => {
    void reply.type('application/pdf').header('content-disposition', 'attachment; filename="contract.pdf"');
    return Buffer.from('%PDF-1.7\n%%EOF\n');
  });

  await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return {
    server,
    url,
    signer(name, changed = {}) {
      const staged = { ...newSigner(changed, `session-of-${name}`), refusals: new Map<string, SignerErrorAnswer>() };
      signers.set(name, staged);
      staged.refuseNext = (call, refusal) => void staged.refusals.set(call, { message: refusal.error, ...refusal });
      staged.finish = (isArchived) => {
        const parties = staged.task.parties.map((party) =>
          party.isSelf || isArchived ? { ...party, state: 'signed' as const } : party,
        );
        staged.task = { ...staged.task, step: 'signed', parties, isArchived, endedAt: '2026-11-22T02:40:00.000Z' };
      };
      return staged;
    },
    linkOf: (name) => `${url}/sign#token-of-${name}`,
    stop: () => server.close(),
  };
}

function newSigner(
  { pages = 5, fields, seals = [TEMPLATE_SEAL], signsFor = null, readingSeconds = 0 }: Partial<StagedOptions>,
  session: string,
): Staged {
  return {
    task: {
      role: 'signer',
      step: 'identity',
      initiator: { companyName: '北京易楼房地产经纪有限公司', memberName: '张三', appName: '示例房产平台' },
      subject: '存量房屋买卖合同（朝阳区幸福里 3 号楼 2 单元 501）',
      signer: { name: '李四', maskedMobile: '138****8000', signsFor },
      deadline: '2026-11-29T15:59:59.000Z',
      parties: [
        { name: '李四', state: 'signing', isSelf: true },
        { name: '王五', state: 'waiting', isSelf: false },
        { name: '北京易楼房地产经纪有限公司', state: 'waiting', isSelf: false },
      ],
      identity: { checkedAt: null },
      consent: {
        version: '2026-11',
        text: {
          zh: '您同意以电子方式签署本文件，并由本服务为您签发仅用于本次签署的数字证书。\n您可以拒绝签署，也可以在签署前向发起方索取纸质文件。\n签署完成后，您可以下载已签文件，任何改动都能被发现。',
          en: 'You agree to sign this document electronically, and that this service issues a digital certificate to you for this signing alone.\nYou may refuse, or ask the sender for paper before you sign.\nAfterwards you can download the signed document; any change to it can be detected.',
        },
        agreedAt: null,
      },
      document: null,
      reason: null,
      endedAt: null,
      isArchived: false,
      delayedSince: null,
    },
    document: {
      pages: Array.from({ length: pages }, () => A4),
      sha256: SHA256,
      fields: fields ?? [HANDWRITTEN],
      seals: seals.map((seal) => ({ ...seal, pictureUrl: `sign/v1/seals/${seal.sealId}?session=${session}` })),
      readingSeconds,
      readingSecondsLeft: readingSeconds,
    },
    refuseNext: () => undefined,
    finish: () => undefined,
    views: [],
    choices: [],
    picturesAsked: [],
    codesSent: 0,
  };
}

function pagesOf({ fields }: DocumentAnswer, { choices }: ChoicesRequest): number[] {
  const pages = fields.flatMap(({ fieldId, placement }) => {
    if (placement.kind === 'page') return placement.points.map(({ page }) => page);
    if (placement.kind === 'cross-page') return placement.pages;
    return choices.find((choice) => choice.fieldId === fieldId)?.points?.map(({ page }) => page) ?? [];
  });
  return [...new Set(pages)].sort((a, b) => a - b);
}

function pagePicture(page: number, count: number, choices: ChoicesRequest['choices']): string {
  const lines = Array.from({ length: 22 }, (_, line) => {
    const text = `${page}.${line + 1}　甲乙双方经协商一致，就房屋买卖事宜达成如下约定，共同遵守。`;
    return `<text x="72" y="${130 + line * 28}" font-size="14">${text}</text>`;
  });
  const marks = choices.map(({ form }, index) => {
    const at = `x="360" y="${620 + index * 24}"`;
    return `<text ${at} font-size="18" fill="#b3151f">［${form}］</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${A4.width} ${A4.height}" font-family="serif">
    <rect width="100%" height="100%" fill="#fff"/><text x="72" y="84" font-size="20">存量房屋买卖合同</text>
    ${lines.join('')}${marks.join('')}
    <text x="270" y="810" font-size="11">第 ${page} 页 / 共 ${count} 页</text></svg>`;
}

function sealPicture(sealId: string): string {
  const name = sealId === 'seal-name' ? '李四' : '公章';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="120" height="120" font-family="serif">
    <rect x="6" y="6" width="108" height="108" rx="${sealId === 'seal-name' ? 8 : 54}" fill="none" stroke="#b3151f" stroke-width="5"/>
    <text x="60" y="74" font-size="40" text-anchor="middle" fill="#b3151f">${name}</text></svg>`;
}
