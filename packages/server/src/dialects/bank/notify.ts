import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Bank, BankErrorCode } from '../../bank/index.ts';
import { disregardContentType } from '../../http/server.ts';
import { isDomainError, type DomainError } from '../../platform/errors.ts';

export interface BankNoticeDependencies {
  readonly bank: Pick<Bank, 'pushTransaction'>;
}

const BODY_BYTES_MAX = 64 * 1024;

interface Refusal {
  status: 400 | 401 | 409;
  message: (params: Readonly<Record<string, string>>) => string;
}

/** Null: not an error that a notice can meet. */
const REFUSALS: Readonly<Record<BankErrorCode, Refusal | null>> = {
  bank_notice_unauthorized: {
    status: 401,
    message: () => 'sign timestamp, nonce and body with the secret of the channel; the timestamp is of now',
  },
  bank_notice_invalid: {
    status: 400,
    message: ({ field = 'a field', expected = 'valid' }) => `${field} must be ${expected}`,
  },
  bank_transaction_conflict: {
    status: 409,
    message: ({ bizFlowNo = '' }) => `biz_flow_no ${bizFlowNo} is that of another transaction`,
  },
  no_bank_channel: null,
  sub_accounts_exhausted: null,
  bank_channel_not_found: null,
  bank_channel_invalid: null,
  bank_channel_off: null,
  bank_channel_not_sandbox: null,
  statement_invalid: null,
  bank_review_not_found: null,
  bank_review_resolved: null,
  bank_review_flow_ended: null,
  bank_review_invalid: null,
  payment_order_not_found: null,
  payment_order_ended: null,
  payment_order_invalid: null,
};

const Headers = Type.Object({
  'x-bank-channel': Type.String(),
  'x-bank-timestamp': Type.String({ description: 'Unix milliseconds; within five minutes of now' }),
  'x-bank-nonce': Type.String({ description: '8 to 64 letters, digits, - or _' }),
  'x-bank-signature': Type.String({
    description:
      "HMAC-SHA256 with the channel's secret over timestamp, line feed, nonce, line feed, body; hex or Base64",
  }),
});

const Text = Type.Optional(Type.String());
const Body = Type.Object({
  sub_account_no: Type.String({ description: 'the receiving number' }),
  biz_flow_no: Type.String({ maxLength: 128, description: "the bank's reference" }),
  amount: Type.String({ description: 'yuan, such as 0.01; a JSON number is read by its digits too' }),
  currency: Type.Optional(Type.String({ default: 'CNY' })),
  credit_debit: Type.Optional(Type.String({ default: 'credit', description: 'credit or debit' })),
  booked: Type.Optional(Type.Boolean({ default: true })),
  reversal: Type.Optional(Type.Boolean({ default: false })),
  payer_name: Text,
  payer_account_no: Text,
  payer_bank_name: Text,
  traded_at: Type.String({ description: 'yyyyMMddHHmmss in China time, or ISO 8601' }),
  remittance: Text,
});
const Answer = Type.Object({
  transaction_id: Type.String(),
  known: Type.Boolean({ description: 'it was brought before; nothing was changed' }),
});

const Fault = Type.Object({ error: Type.String(), message: Type.String() });

const schema = {
  tags: ['bank'],
  summary: 'One transaction, signed. The same one again changes nothing',
  headers: Headers,
  body: Body,
  response: { 200: Answer, '4xx': Fault },
};

/** `POST /api/bank/notify`. */
export function registerBankNoticeRoute(server: FastifyInstance, { bank }: BankNoticeDependencies): void {
  server.post(
    '/api/bank/notify',
    {
      schema,
      // The schema is for readers: the body is checked as it was signed, byte for byte.
      validatorCompiler: () => () => true,
      bodyLimit: BODY_BYTES_MAX,
      onRequest: disregardContentType,
    },
    async (request, reply) => {
      try {
        const { transactionId, known } = await bank.pushTransaction({
          channel: header(request, 'x-bank-channel'),
          timestamp: header(request, 'x-bank-timestamp'),
          nonce: header(request, 'x-bank-nonce'),
          signature: header(request, 'x-bank-signature'),
          body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        });
        return { transaction_id: transactionId, known };
      } catch (error) {
        const refusal = isBankError(error) ? REFUSALS[error.code] : null;
        if (refusal === null || !isBankError(error)) throw error;
        return reply.code(refusal.status).send({ error: error.code, message: refusal.message(error.params) });
      }
    },
  );
}

function header(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

function isBankError(error: unknown): error is DomainError<BankErrorCode> {
  return isDomainError(error) && Object.hasOwn(REFUSALS, error.code);
}
