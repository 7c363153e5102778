import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createPageFiles, type PageFile } from './page-files.ts';

export interface PageDependencies {
  /** Folder of the built pages. */
  pageFolder: string;
}

/**
 * Nothing but what this service serves, no inline script or style, no text that becomes markup; no other site may frame
 * the page, and none learns where its visitor came from.
 */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-write=(self)',
  'x-frame-options': 'DENY',
} as const;

/** Names with a hash of their content never change what they mean. */
const ASSET_CACHE_CONTROL = 'public, max-age=31536000, immutable';

const NOT_BUILT =
  '页面尚未构建：请用 npm start 启动服务，或联系平台。\nThe page is not built: start the service with npm start, or tell the platform.\n';

/** Which file stands at which address. Each is the same for everyone: its script reads whom it is for. */
const PAGES: Readonly<Record<string, string>> = {
  '/verify': 'index.html',
  '/sign': 'sign.html',
  '/validate': 'validate.html',
};

/** The pages that people see: a member's verification, a signer's signing, anybody's check of a PDF. And their assets. */
export function registerPageRoutes(server: FastifyInstance, { pageFolder }: PageDependencies): void {
  const pageFiles = createPageFiles(pageFolder);

  for (const [path, name] of Object.entries(PAGES)) {
    server.get(path, { schema: { hide: true } }, async (request, reply) => {
      const page = (await pageFiles())?.html.get(name);
      void reply.headers(PAGE_HEADERS);
      if (page === undefined) return reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
      return send(request, reply, page);
    });
  }

  server.get<{ Params: { name: string } }>('/assets/:name', { schema: { hide: true } }, async (request, reply) => {
    const asset = (await pageFiles())?.assets.get(request.params.name);
    void reply.headers(PAGE_HEADERS);
    if (asset === undefined) return reply.callNotFound();
    void reply.header('cache-control', ASSET_CACHE_CONTROL);
    return send(request, reply, asset);
  });
}

async function send(request: FastifyRequest, reply: FastifyReply, file: PageFile): Promise<FastifyReply> {
  const encoding = encodingFor(request.headers['accept-encoding']);
  void reply.type(file.contentType).header('vary', 'accept-encoding');
  if (encoding === 'plain') return reply.send(file.plain);
  return reply.header('content-encoding', encoding).send(file[encoding]);
}

/** RFC 9110, 12.5.3, as far as browsers and proxies use it: a coding is taken where it is named and not with q=0. */
export function encodingFor(header: string | string[] | undefined): 'br' | 'gzip' | 'plain' {
  const named = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim().split(/\s*;\s*/))
    .filter(([, q]) => q === undefined || !/^q=0(\.0*)?$/.test(q))
    .map(([coding]) => coding);
  const accepted = new Set(named);
  if (accepted.has('br')) return 'br';
  return accepted.has('gzip') ? 'gzip' : 'plain';
}
