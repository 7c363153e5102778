import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Apps } from '../../apps/index.ts';
import type { Bank } from '../../bank/index.ts';
import type { EvidenceReports } from '../../evidence-report/index.ts';
import type { Identity } from '../../identity/index.ts';
import type { Parties } from '../../parties/index.ts';
import { equalConstantTime } from '../../platform/constant-time.ts';
import { isDomainError } from '../../platform/errors.ts';
import type { Quotas } from '../../quotas/index.ts';
import type { Relay, RelayOperations } from '../../relay/index.ts';
import type { SealReview } from '../../seals/index.ts';
import type { Signing } from '../../signing/index.ts';
import type { Subscriptions } from '../../subscriptions/index.ts';
import type { Trust } from '../../trust/index.ts';
import { registerAppRoutes } from './app-routes.ts';
import { registerAuditRoutes, type AuditRouteDependencies } from './audit-routes.ts';
import { registerBankRoutes } from './bank-routes.ts';
import { registerCallbackRoutes } from './callback-routes.ts';
import { registerCalleeRoutes } from './callee-routes.ts';
import { adminAnswer } from './errors.ts';
import { registerCopyRoutes } from './copy-routes.ts';
import { registerFlowRoutes } from './flow-routes.ts';
import { registerLaneRoutes } from './lane-routes.ts';
import { registerOrgRoutes } from './org-routes.ts';
import { registerQuotaRoutes } from './quota-routes.ts';
import { registerReplayRoutes } from './replay-routes.ts';
import { registerSealRoutes } from './seal-routes.ts';
import { registerSigningSettingRoutes } from './signing-setting-routes.ts';
import { registerTrustRoutes } from './trust-routes.ts';
import { registerVerificationRoutes } from './verification-routes.ts';
import { registerStatementRoutes } from './statement-routes.ts';
import { registerSubscriptionRoutes } from './subscription-routes.ts';
import { registerStatusRoutes, type StatusDependencies } from './status-routes.ts';
import { complaintMessage, holdsNul } from './validation.ts';

export interface AdminDependencies extends StatusDependencies {
  /** What a client sends as `Authorization: Bearer …`. */
  token: string;
  apps: Apps;
  parties: Parties;
  identity: Identity;
  relay: Relay;
  relayOperations: RelayOperations;
  audit: AuditRouteDependencies['audit'];
  subscriptions: Subscriptions;
  quotas: Quotas;
  sealReview: SealReview;
  evidence: EvidenceReports;
  signing: Pick<
    Signing,
    'appOf' | 'stalledFlows' | 'addCopy' | 'listCopies' | 'removeCopy' | 'settings' | 'changeSettings'
  >;
  bank: Bank;
  trust: Trust;
  /** Where an uploaded statement lies while it is imported. */
  spoolFolder: string;
}

const BODY_BYTES_MAX = 256 * 1024;

const UPLOAD_TYPE = 'send the file as content-type: application/octet-stream';

/** What is wrong with a request that no route has seen, by Fastify's code. */
const UNREADABLE: Readonly<Record<string, { status: number; message: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, message: 'send the body as content-type: application/json' },
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, message: `the body is larger than ${BODY_BYTES_MAX} bytes` },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, message: 'the body is empty; leave content-type out where none is sent' },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, message: 'the body must be JSON' },
};

/**
 * REST of the command line (and of a console): `/admin/v1/…`, JSON with snake_case names, `Authorization: Bearer` with
 * the operator's token. Errors are `{error, message}` with 400, 401, 404 or 409.
 */
export function registerAdminRoutes(server: FastifyInstance, dependencies: AdminDependencies): void {
  void server.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        'application/json',
        { parseAs: 'string', bodyLimit: BODY_BYTES_MAX },
        scope.getDefaultJsonParser('error', 'error'),
      );
      scope.addHook('onRequest', async (request, reply) => {
        const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
        if (equalConstantTime(given, dependencies.token)) return;
        await reply.code(401).header('www-authenticate', 'Bearer').send({
          error: 'unauthorized',
          message: 'send the admin token of the data directory as Authorization: Bearer',
        });
      });
      scope.setErrorHandler(async (error, request, reply) => {
        const answer = isDomainError(error) ? adminAnswer(error) : undefined;
        if (answer !== undefined) return reply.code(answer.status).send(answer.body);
        if (error instanceof Error && 'validation' in error && Array.isArray(error.validation)) {
          return reply.code(400).send({ error: 'invalid', message: complaintMessage(error.validation) });
        }
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        const unreadable = Object.hasOwn(UNREADABLE, code) ? UNREADABLE[code] : undefined;
        if (unreadable === undefined) throw error;
        const isUpload = unreadable.status === 415 && request.routeOptions.config.streamsBody === true;
        const message = isUpload ? UPLOAD_TYPE : unreadable.message;
        return reply.code(unreadable.status).send({ error: 'bad_request', message });
      });
      scope.addHook('preValidation', async (request, reply) => {
        const { params, query, body } = request;
        // An upload is a stream, which nobody has read yet.
        const read = body instanceof Readable ? [params, query] : [params, query, body];
        if (!read.some(holdsNul)) return;
        await reply.code(400).send({ error: 'invalid', message: 'no text may hold the character NUL' });
      });
      scope.addHook('onRoute', (route) => {
        route.schema = { tags: ['admin'], security: [{ admin: [] }], ...route.schema };
      });
      const admin = scope.withTypeProvider<TypeBoxTypeProvider>();
      registerAppRoutes(admin, dependencies);
      registerQuotaRoutes(admin, dependencies);
      registerSealRoutes(admin, dependencies);
      registerFlowRoutes(admin, dependencies);
      registerCopyRoutes(admin, dependencies);
      registerSigningSettingRoutes(admin, dependencies);
      registerCalleeRoutes(admin, dependencies);
      registerCallbackRoutes(admin, dependencies);
      registerReplayRoutes(admin, dependencies);
      registerLaneRoutes(admin, dependencies);
      registerAuditRoutes(admin, dependencies);
      registerSubscriptionRoutes(admin, dependencies);
      registerOrgRoutes(admin, dependencies);
      registerVerificationRoutes(admin, dependencies);
      registerBankRoutes(admin, dependencies);
      registerStatementRoutes(admin, dependencies);
      registerTrustRoutes(admin, dependencies);
      registerStatusRoutes(admin, dependencies);
    },
    { prefix: '/admin/v1' },
  );
}
