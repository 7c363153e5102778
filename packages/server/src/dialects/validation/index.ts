import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { createRateLimiter, RETRY_AFTER_SECONDS } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import { disregardContentType, statusOf } from '../../http/server.ts';
import { isDomainError } from '../../platform/errors.ts';
import { VALIDATION_LIMITS } from '../../validation/index.ts';
import type { Validation, ValidationErrorCode } from '../../validation/index.ts';
import type { VerificationError, VerificationRefusal } from './contract.ts';
import { Answer, Refusal } from './schema.ts';

export interface ValidationRouteDependencies {
  readonly validation: Pick<Validation, 'validate'>;
  readonly limits: { readonly verificationsPerSecondPerAddressMax: number };
}

/** 64 MB over a line of 2 Mbit/s. */
const ARRIVAL_MS_MAX = 5 * 60_000;

const REFUSALS: Readonly<Record<VerificationError, { status: number; message: string }>> = {
  not_a_pdf: { status: 422, message: '这不是 PDF 文件 (this is not a PDF)' },
  damaged: { status: 422, message: '文件已损坏，无法读取 (the file is damaged and cannot be read)' },
  encrypted: { status: 422, message: '文件有密码保护，无法检查 (the file is encrypted and cannot be checked)' },
  too_complex: { status: 422, message: '文件过于复杂，无法检查 (the file takes too much work to check)' },
  too_large: {
    status: 413,
    message: `文件超过 ${VALIDATION_LIMITS.bytesMax} 字节 (the file is larger than ${VALIDATION_LIMITS.bytesMax} bytes)`,
  },
  too_many_requests: { status: 429, message: '请求太频繁，请稍后再试 (too many requests; try again shortly)' },
  validation_busy: {
    status: 503,
    message: '正在检查的文件太多，请稍后再试 (too many files at once; try again shortly)',
  },
  internal: { status: 500, message: '服务出错，请稍后再试 (the service failed; try again later)' },
};

const schema = {
  tags: ['validation'],
  summary: 'Who signed a PDF, whether it holds, and what was changed since. The file is the body; it is not kept',
  consumes: ['application/pdf', 'application/octet-stream'],
  body: Type.Any({ description: `the PDF, ${VALIDATION_LIMITS.bytesMax} bytes at most` }),
  response: { 200: Answer, '4xx': Refusal, '5xx': Refusal },
};

/** `POST /api/verify`: anybody, without a key, as often as one address may. */
export function registerValidationRoute(
  server: FastifyInstance,
  { validation, limits }: ValidationRouteDependencies,
): void {
  const addresses = createRateLimiter();
  void server.register(async (scope) => {
    // Before a byte of the body is read.
    scope.addHook('onRequest', async (request) => {
      const rate = limits.verificationsPerSecondPerAddressMax;
      if (!addresses.take(addressKey(request.ip), rate, performance.now())) throw refusal('too_many_requests');
    });
    scope.addHook('onRequest', disregardContentType);
    scope.setErrorHandler(async (error, request, reply) => {
      const code = codeOf(error);
      if (code === 'internal') request.log.error({ err: error }, 'a PDF could not be validated');
      if (code === 'too_many_requests' || code === 'validation_busy')
        void reply.header('retry-after', RETRY_AFTER_SECONDS);
      const { status, message } = REFUSALS[code];
      return reply.code(status).send({ error: code, message } satisfies VerificationRefusal);
    });
    scope.post(
      '/api/verify',
      {
        schema,
        // The schema is for readers: the body is no JSON.
        validatorCompiler: () => () => true,
        bodyLimit: VALIDATION_LIMITS.bytesMax,
        config: { bodyArrivalMsMax: ARRIVAL_MS_MAX, refusesWhenFull: true },
      },
      async (request) => validation.validate(bytesOf(request.body)),
    );
  });
}

function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  if (!Buffer.isBuffer(body)) return new Uint8Array();
  const { buffer, byteOffset, byteLength } = body;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(body);
}

function refusal(code: VerificationError): Error {
  return Object.assign(new Error(code), { statusCode: REFUSALS[code].status });
}

/** By the codes of the capability, by the statuses of the framework otherwise. */
function codeOf(error: unknown): VerificationError {
  if (isDomainError(error)) {
    return Object.hasOwn(REFUSALS, error.code) ? (error.code as ValidationErrorCode) : 'internal';
  }
  const status = statusOf(error);
  const found = Object.entries(REFUSALS).find(([code, each]) => each.status === status && code !== 'internal');
  if (status === 413 || status === 429 || status === 503) return (found?.[0] ?? 'internal') as VerificationError;
  return status < 500 ? 'not_a_pdf' : 'internal';
}
