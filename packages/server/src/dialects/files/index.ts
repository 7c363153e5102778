import type { FastifyInstance, FastifyReply } from 'fastify';
import { pictureKind, type Documents, type PageImageErrorCode, type PageImageLinks } from '../../documents/index.ts';
import { isDomainError, type DomainError } from '../../platform/errors.ts';

/** A seal's link as a request brings it; `fileId` is the seal's. */
type SealUrlParts = Parameters<Documents['openFileUrl']>[0];

type FileErrorCode =
  | 'file_url_forged'
  | 'file_url_expired'
  | 'file_not_found'
  | 'stored_file_missing'
  | 'stored_file_damaged'
  | 'seal_not_found'
  | PageImageErrorCode;

interface Answer {
  status: 403 | 404 | 500 | 503;
  message: string;
}

const FILE_ERRORS: Readonly<Record<FileErrorCode, Answer>> = {
  file_url_forged: { status: 403, message: '链接无效，请重新获取 (this link is not valid; ask for a new one)' },
  file_url_expired: { status: 403, message: '链接已过期，请重新获取 (this link has expired; ask for a new one)' },
  file_not_found: { status: 404, message: '文件不存在 (no such file)' },
  seal_not_found: { status: 404, message: '印章不存在 (no such seal)' },
  page_missing: { status: 404, message: '页面不存在 (no such page)' },
  page_unreadable: { status: 500, message: '页面暂时无法显示 (the page cannot be drawn)' },
  page_images_busy: { status: 503, message: '服务繁忙，请稍后再试 (too many pages wait; try again)' },
  stored_file_missing: { status: 500, message: '文件暂时无法读取 (the file cannot be read now)' },
  stored_file_damaged: { status: 500, message: '文件暂时无法读取 (the file cannot be read now)' },
};

export interface FileRouteDependencies {
  documents: Pick<Documents, 'openFileUrl'>;
  /** The picture that a link to a seal opens. */
  openSealUrl(parts: SealUrlParts): Promise<Buffer>;
  pageImages: Pick<PageImageLinks, 'open'>;
}

/**
 * `GET /files/APP/FILE?expires=…&signature=…`, `GET /seals/APP/SEAL?…` (a PNG) and `GET /page-images/APP/FILE-PAGE?…` (a
 * PNG): a file, a seal or a page for whoever holds a link that was made for it and has not expired.
 */
export function registerFileRoutes(server: FastifyInstance, dependencies: FileRouteDependencies): void {
  server.get<Link>('/files/:appId/:fileId', async (request, reply) =>
    answered(reply, async () => {
      const file = await dependencies.documents.openFileUrl(partsOf(request));
      const name = extendedValue(file.fileName);
      // A stranger's file is shown as the PDF or the scan it is, in no page of ours and with no script of its own.
      const kind = pictureKind(file.bytes);
      const plainName = `document.${kind ?? 'pdf'}`;
      return reply
        .type(kind === undefined ? 'application/pdf' : `image/${kind}`)
        .header('content-disposition', `inline; filename="${plainName}"; filename*=UTF-8''${name}`)
        .header('content-security-policy', "sandbox; default-src 'none'")
        .header('x-sha256', file.sha256)
        .send(file.bytes);
    }),
  );

  server.get<Link>('/page-images/:appId/:fileId', async (request, reply) =>
    answered(reply, async () => {
      const image = await dependencies.pageImages.open(partsOf(request));
      return reply
        .type(image.contentType)
        .header('content-security-policy', "sandbox; default-src 'none'")
        .header('cache-control', 'private, max-age=3600')
        .send(image.bytes);
    }),
  );

  server.get<Link>('/seals/:appId/:fileId', async (request, reply) =>
    answered(reply, async () => {
      const picture = await dependencies.openSealUrl(partsOf(request));
      return reply.type('image/png').header('content-security-policy', "sandbox; default-src 'none'").send(picture);
    }),
  );
}

interface Link {
  Params: { appId: string; fileId: string };
  Querystring: { expires?: unknown; signature?: unknown };
}

/** What a link is made of, all text. */
function partsOf({ params, query }: { params: Link['Params']; query: Link['Querystring'] }): SealUrlParts {
  const { expires, signature } = query;
  return {
    ...params,
    expires: typeof expires === 'string' ? expires : '',
    signature: typeof signature === 'string' ? signature : '',
  };
}

/** The answer of `send`, or the refusal that a faulty link reads. */
async function answered(reply: FastifyReply, send: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await send();
  } catch (error) {
    const answer = isDomainError(error) ? answerFor(error) : undefined;
    if (answer === undefined) throw error;
    if (answer.status === 500) reply.log.error({ err: error }, 'stored file cannot be read');
    return reply.code(answer.status).type('text/plain; charset=utf-8').send(answer.message);
  }
}

/** A text as the value of a header's `name*` (RFC 8187, 3.2.1): four characters that a URI may hold are escaped too. */
function extendedValue(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function answerFor(error: DomainError): Answer | undefined {
  const answers: Readonly<Record<string, Answer>> = FILE_ERRORS;
  return Object.hasOwn(answers, error.code) ? answers[error.code] : undefined;
}
