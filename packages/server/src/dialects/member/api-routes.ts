import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Identity, MemberKey } from '../../identity/index.ts';
import { cookiePlace, sessionCookie } from '../../http/cookie.ts';
import { RETRY_AFTER_SECONDS } from '../../http/rate-limit.ts';
import type { Clock } from '../../platform/clock.ts';
import { isDomainError } from '../../platform/errors.ts';
import type { ErrorAnswer, SessionAnswer, VerificationAnswer } from './contract.ts';
import { memberAnswer } from './errors.ts';
import { presentVerification } from './present.ts';
import { Refusal } from './refusal.ts';
import { createRequestSessions, type MemberLimits, type RequestSessions } from './request-session.ts';
import { sealSession, SESSION_COOKIE, SESSION_LIFE_MS, type Session } from './session.ts';

/** What the page needs of identity. Its commands are followed by a reading of the view. */
export type MemberIdentity = Pick<
  Identity,
  'openToken' | 'memberView' | 'startForMember' | 'sealPicture' | 'chooseSeal' | 'consentSilentSigning'
>;

export interface MemberApiDependencies {
  identity: MemberIdentity;
  clock: Clock;
  /** Signs the session cookies: `vault.deriveKey('member-session')`. */
  sessionKey: Buffer;
  /** Where members reach this service, once it is known; its path and scheme decide those of the cookie. */
  baseUrl: () => string;
  limits: MemberLimits;
}

/** What the routes share: the dependencies, and whose page a request comes from. */
type Routes = MemberApiDependencies & { sessions: RequestSessions };

type MemberServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

const BODY_BYTES_MAX = 16 * 1024;
const TOKEN_LENGTH_MAX = 2048;
const MAX_FACTOR_LENGTH = 100;

const TokenBody = Type.Object({ token: Type.String({ maxLength: TOKEN_LENGTH_MAX }) }, { additionalProperties: false });
const Factor = Type.String({ maxLength: MAX_FACTOR_LENGTH });
const CompanyBody = Type.Object(
  { orgName: Factor, orgCode: Factor, legalRepName: Factor },
  { additionalProperties: false },
);
const Variant = Type.String({ minLength: 1, maxLength: 64 });
const SealBody = Type.Object({ variant: Variant }, { additionalProperties: false });
const ConsentBody = Type.Object(
  { textVersion: Type.String({ minLength: 1, maxLength: 32, pattern: '^[\\w.-]+$' }) },
  { additionalProperties: false },
);
const PictureParams = Type.Object({ variant: Variant });
const PictureQuery = Type.Object({ session: Type.String({ maxLength: 64 }) });

/**
 * `/member/v1`: what the verification page reads and does. A session cookie says who the member is, and the session's id,
 * which only the session's own page knows, must come with it: a request that another site made has neither, and a tab
 * that was opened for another company is told so.
 */
export function registerMemberApi(server: FastifyInstance, dependencies: MemberApiDependencies): void {
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
      const sessions = createRequestSessions(dependencies);
      scope.addHook('onRequest', async (request) => sessions.arrive(request));
      scope.setErrorHandler(async (error, _request, reply) => {
        const answer = answerFor(error);
        if (answer === undefined) throw error;
        if (answer.status === 429) void reply.header('retry-after', RETRY_AFTER_SECONDS);
        return reply.code(answer.status).send(answer.body);
      });
      const api: MemberServer = scope.withTypeProvider<TypeBoxTypeProvider>();
      registerSession(api, { ...dependencies, sessions });
      registerVerification(api, { ...dependencies, sessions });
      registerSeals(api, { ...dependencies, sessions });
    },
    { prefix: '/member/v1' },
  );
}

function answerFor(error: unknown): { status: number; body: ErrorAnswer } | undefined {
  if (error instanceof Refusal) return { status: error.status, body: error.body };
  if (isDomainError(error)) return memberAnswer(error);
  if (error instanceof Error && 'validation' in error) {
    return { status: 422, body: { error: 'invalid', message: error.message } };
  }
  return undefined;
}

/** `POST /session` takes the token for a cookie; `GET /session` tells a page that was reloaded which session it has. */
function registerSession(api: MemberServer, { identity, clock, sessionKey, baseUrl, sessions }: Routes): void {
  api.post('/session', { schema: { body: TokenBody } }, async (request, reply) => {
    const member = await identity.openToken(request.body.token);
    sessions.known(request, member);
    const { session, value } = sealSession(member, clock.now(), sessionKey);
    const place = cookiePlace(baseUrl(), 'member', request);
    const cookie = sessionCookie(SESSION_COOKIE, value, { ...place, lifeMs: SESSION_LIFE_MS });
    return reply.header('set-cookie', cookie).send({ session: session.session } satisfies SessionAnswer);
  });

  api.get('/session', async (request): Promise<SessionAnswer> => {
    const { session } = sessions.read(request);
    return { session };
  });
}

function registerVerification(api: MemberServer, { identity, sessions }: Routes): void {
  const view = async (session: Session): Promise<VerificationAnswer> =>
    presentVerification(await identity.memberView(memberOf(session)), session.session);

  api.get('/verification', async (request) => view(sessions.own(request)));

  api.post('/verification', { schema: { body: CompanyBody } }, async (request) => {
    const session = sessions.own(request);
    await identity.startForMember({ ...memberOf(session), company: request.body, actor: actorOf(session) });
    return view(session);
  });

  api.put('/seal', { schema: { body: SealBody } }, async (request) => {
    const session = sessions.own(request);
    await identity.chooseSeal({ ...memberOf(session), variant: request.body.variant, actor: actorOf(session) });
    return view(session);
  });

  api.put('/silent-signing', { schema: { body: ConsentBody } }, async (request) => {
    const session = sessions.own(request);
    const { textVersion } = request.body;
    await identity.consentSilentSigning({ ...memberOf(session), textVersion, actor: actorOf(session) });
    return view(session);
  });
}

/** `GET /seals/VARIANT?session=…`: an `<img>` sends no header of ours, so the session's id stands in the address. */
function registerSeals(api: MemberServer, { identity, sessions }: Routes): void {
  api.get(
    '/seals/:variant',
    { schema: { params: PictureParams, querystring: PictureQuery } },
    async (request, reply) => {
      const session = sessions.own(request, request.query.session);
      const picture = await identity.sealPicture({ ...memberOf(session), variant: request.params.variant });
      return reply
        .type('image/png')
        .header('cache-control', 'private, max-age=300')
        .header('cross-origin-resource-policy', 'same-origin')
        .send(picture);
    },
  );
}

function memberOf({ appId, etcMemberNo }: Session): MemberKey {
  return { appId, etcMemberNo };
}

/** Whom the audit names. */
function actorOf({ etcMemberNo }: Session): string {
  return `member:${etcMemberNo}`;
}
