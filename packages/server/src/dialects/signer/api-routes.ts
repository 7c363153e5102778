import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { PageImage } from '../../documents/index.ts';
import type { EvidenceReports } from '../../evidence-report/index.ts';
import { cookiePlace, sessionCookie } from '../../http/cookie.ts';
import { statusOf } from '../../http/server.ts';
import type { Clock } from '../../platform/clock.ts';
import { isDomainError } from '../../platform/errors.ts';
import { SIGNER_SESSION_LIFE_MS, type Signers, type Visit } from '../../signing/index.ts';
import {
  ChoicesBody,
  choicesOf,
  CodeBody,
  ConfirmBody,
  ConsentBody,
  NamedQuery,
  PageParams,
  PictureQuery,
  PreviewPageParams,
  RefuseBody,
  SealParams,
  SessionBody,
  ViewsBody,
} from './bodies.ts';
import type {
  CodeAnswer,
  HandoverAnswer,
  PreviewAnswer,
  SessionAnswer,
  SignerErrorAnswer,
  TaskAnswer,
} from './contract.ts';
import { signerAnswer } from './errors.ts';
import { presentTask } from './present.ts';
import { Refusal } from './refusal.ts';
import { createRequestVisits, fromOf, SIGNER_COOKIE, type RequestVisits, type SignerLimits } from './request-visit.ts';

export interface SignerDependencies {
  signing: { readonly signers: Signers };
  evidence: Pick<EvidenceReports, 'report'>;
  clock: Clock;
  /** Where signers reach this service; its path and scheme decide those of the cookie. */
  baseUrl: () => string;
  limits: SignerLimits;
}

type SignerServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
type Routes = SignerDependencies & { visits: RequestVisits };

/** A signature of many strokes, and a choice for each of 200 fields. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;
/** Widths are rounded up to these steps, so that a phone turned a little asks for nothing new. */
const WIDTH_STEP_PIXELS = 40;
const WIDTH_MAX_PIXELS = 2_400;
/** A report costs a second to make, and is signed and kept. */
const REPORT_AGE_MS_MAX = 10 * 60_000;

/**
 * `/sign/v1`, as contract.ts has it. A session cookie says whose browser it is, and the session's id, which only the
 * session's own page knows, comes with every call: in a header, or in the address of a picture and of a beacon.
 */
export function registerSignerApi(server: FastifyInstance, dependencies: SignerDependencies): void {
  void server.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        'application/json',
        { parseAs: 'string', bodyLimit: BODY_BYTES_MAX },
        scope.getDefaultJsonParser('error', 'error'),
      );
      scope.addHook('onRoute', (route) => {
        // The page's own, and it changes with the page: not part of what others may call.
        route.schema = { hide: true, ...route.schema };
      });
      const { clock, limits } = dependencies;
      const visits = createRequestVisits({ signers: () => dependencies.signing.signers, clock, limits });
      scope.addHook('onRequest', async (request) => visits.arrive(request));
      scope.setErrorHandler(async (error, _request, reply) => {
        const answer = answerFor(error);
        if (answer === undefined) throw error;
        if (answer.status === 429) void reply.header('retry-after', String(answer.body.retryAfter ?? 1));
        return reply.code(answer.status).send(answer.body);
      });
      const api: SignerServer = scope.withTypeProvider<TypeBoxTypeProvider>();
      const routes = { ...dependencies, visits };
      registerSession(api, routes);
      registerSteps(api, routes);
      registerPictures(api, routes);
      registerSigning(api, routes);
    },
    { prefix: '/sign/v1' },
  );
}

function answerFor(error: unknown): { status: number; body: SignerErrorAnswer } | undefined {
  if (error instanceof Refusal) return { status: error.status, body: error.body };
  if (isDomainError(error)) return signerAnswer(error);
  if (error instanceof Error && 'validation' in error) {
    return { status: 422, body: { error: 'invalid', message: error.message } };
  }
  // The framework's own: no JSON, another content type, too long.
  const status = statusOf(error);
  return status < 500 ? { status, body: { error: 'invalid', message: 'the request is not understood' } } : undefined;
}

async function taskAnswer({ signing }: Routes, visit: Visit): Promise<TaskAnswer> {
  return presentTask(await signing.signers.task(visit), visit.session.session_id);
}

/** After a call that changed the session, its row is read anew. */
async function changedTask(routes: Routes, request: Parameters<RequestVisits['own']>[0]): Promise<TaskAnswer> {
  return taskAnswer(routes, await routes.visits.own(request));
}

function registerSession(api: SignerServer, routes: Routes): void {
  api.post('/session', { schema: { body: SessionBody } }, async (request, reply) => {
    const { cookie, sessionId, key } = await routes.signing.signers.openLink(request.body.token, fromOf(request));
    routes.visits.known(request, key);
    const place = cookiePlace(routes.baseUrl(), 'sign', request);
    return reply
      .header('set-cookie', sessionCookie(SIGNER_COOKIE, cookie, { ...place, lifeMs: SIGNER_SESSION_LIFE_MS }))
      .send({ session: sessionId } satisfies SessionAnswer);
  });

  api.get('/task', async (request) => taskAnswer(routes, await routes.visits.own(request)));
}

function registerSteps(api: SignerServer, routes: Routes): void {
  const { visits } = routes;
  const signers = (): Signers => routes.signing.signers;

  api.post('/code', async (request): Promise<CodeAnswer> => {
    const { sentTo, expiresInSeconds, resendInSeconds } = await signers().sendCode(await visits.own(request));
    return { sentTo, expiresIn: expiresInSeconds, resendIn: resendInSeconds };
  });

  api.post('/code/check', { schema: { body: CodeBody } }, async (request) => {
    await signers().checkCode(await visits.own(request), request.body.code);
    return changedTask(routes, request);
  });

  api.post('/consent', { schema: { body: ConsentBody } }, async (request) => {
    await signers().consent(await visits.own(request), request.body.version);
    return changedTask(routes, request);
  });

  api.post('/handover', async (request): Promise<HandoverAnswer> => {
    const { url, expiresAt } = await signers().handOver(await visits.own(request));
    const expiresIn = Math.max(0, Math.round((expiresAt.getTime() - routes.clock.now().getTime()) / 1000));
    return { url, expiresAt: expiresAt.toISOString(), expiresIn };
  });
}

/** What an address may name: an `<img>`, a download and a beacon send no header of ours. */
function registerPictures(api: SignerServer, routes: Routes): void {
  const { visits } = routes;
  const signers = (): Signers => routes.signing.signers;

  api.get('/pages/:page', { schema: { params: PageParams, querystring: PictureQuery } }, async (request, reply) => {
    const { session, width, of: shown } = request.query;
    const visit = await visits.own(request, session);
    const { page } = request.params;
    const image = await signers().page(visit, { page, widthPixels: stepped(width) });
    // An address that names the revision is one for each revision.
    const isLasting = shown !== undefined;
    const etag = `"${image.fileId}-${page}-${image.width}"`;
    void reply.header('etag', etag);
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return sendPicture(reply, image, isLasting ? 'private, max-age=600' : 'private, no-cache');
  });

  api.get(
    '/previews/:previewId/pages/:page',
    { schema: { params: PreviewPageParams, querystring: PictureQuery } },
    async (request, reply) => {
      const visit = await visits.own(request, request.query.session);
      const wanted = { ...request.params, widthPixels: stepped(request.query.width) };
      return sendPicture(reply, await signers().previewPage(visit, wanted), 'private, max-age=600');
    },
  );

  api.get('/seals/:sealId', { schema: { params: SealParams, querystring: NamedQuery } }, async (request, reply) => {
    const visit = await visits.own(request, request.query.session);
    const picture = await signers().sealPicture(visit, request.params.sealId);
    return reply
      .type('image/svg+xml')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
      .header('cache-control', 'private, max-age=300')
      .header('cross-origin-resource-policy', 'same-origin')
      .send(picture);
  });

  api.get('/document', { schema: { querystring: NamedQuery } }, async (request, reply) => {
    const file = await signers().download(await visits.own(request, request.query.session));
    return sendPdf(reply, file, 'document.pdf');
  });

  api.get('/evidence', { schema: { querystring: NamedQuery } }, async (request, reply) => {
    const flow = await signers().evidenceFlow(await visits.own(request, request.query.session));
    return sendPdf(reply, await routes.evidence.report({ ...flow, ageMsMax: REPORT_AGE_MS_MAX }), 'evidence.pdf');
  });

  api.post('/views', { schema: { body: ViewsBody, querystring: NamedQuery } }, async (request, reply) => {
    await signers().noteViews(await visits.own(request, request.query.session), request.body.views);
    return reply.code(204).send();
  });
}

function registerSigning(api: SignerServer, routes: Routes): void {
  const { visits } = routes;
  const signers = (): Signers => routes.signing.signers;

  api.post('/preview', { schema: { body: ChoicesBody } }, async (request): Promise<PreviewAnswer> => {
    return signers().preview(await visits.own(request), choicesOf(request.body));
  });

  api.post('/confirm', { schema: { body: ConfirmBody } }, async (request) => {
    const visit = await visits.own(request);
    await signers().confirm(visit, request.body.previewId);
    return taskAnswer(routes, visit);
  });

  api.post('/refuse', { schema: { body: RefuseBody } }, async (request) => {
    const visit = await visits.own(request);
    await signers().refuse(visit, request.body.reason);
    return taskAnswer(routes, visit);
  });
}

function stepped(width: number): number {
  return Math.min(WIDTH_MAX_PIXELS, Math.ceil(width / WIDTH_STEP_PIXELS) * WIDTH_STEP_PIXELS);
}

function sendPdf(
  reply: FastifyReply,
  { fileName, bytes }: { fileName: string; bytes: Buffer },
  plainName: string,
): FastifyReply {
  const name = encodeURIComponent(fileName).replaceAll(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return reply
    .type('application/pdf')
    .header('content-disposition', `attachment; filename="${plainName}"; filename*=UTF-8''${name}`)
    .header('content-security-policy', "sandbox; default-src 'none'")
    .send(bytes);
}

function sendPicture(reply: FastifyReply, image: PageImage, cacheControl: string): FastifyReply {
  return reply
    .type(image.contentType)
    .header('cache-control', cacheControl)
    .header('cross-origin-resource-policy', 'same-origin')
    .send(image.bytes);
}
