import { Type } from 'typebox';
import {
  CSV_COLUMNS,
  parseAmount,
  STATEMENT_ENCODINGS,
  STATEMENT_FORMATS,
  STATEMENT_INFORMATION,
  yuanText,
  type Bank,
  type CsvColumn,
} from '../../bank/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { presentChannel, presentOrder, presentPayment, presentReview } from './bank-present.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const CHANNEL_NUMBERS_MAX = 10_000;

const ChannelParams = Type.Object({ channel: Type.String({ maxLength: 32 }) });
const ReviewParams = Type.Object({ transactionId: Type.String({ maxLength: 64 }) });
const OrderParams = Type.Object({ orderId: Type.String({ maxLength: 64 }) });

const Format = Type.Union(STATEMENT_FORMATS.map((format) => Type.Literal(format)));
const Encoding = Type.Union(STATEMENT_ENCODINGS.map((encoding) => Type.Literal(encoding)));
/** In which shape the bank itself writes the payer into field 86 of MT940. */
export const Information = Type.Union(STATEMENT_INFORMATION.map((shape) => Type.Literal(shape)));
const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 }));

const ChannelBody = Type.Object(
  {
    main_account_name: Type.Optional(Type.String()),
    main_account_bank: Type.Optional(Type.String()),
    main_account_no: Type.Optional(Type.String()),
    numbers: Type.Optional(
      Type.Union([
        Type.Object({ kind: Type.Literal('pool') }),
        Type.Object({ kind: Type.Literal('rule'), prefix: Type.String(), width: Type.Integer() }),
      ]),
    ),
    add_numbers: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: CHANNEL_NUMBERS_MAX })),
    cool_down_days: Type.Optional(Type.Integer()),
    enabled: Type.Optional(Type.Boolean()),
    sandbox: Type.Optional(Type.Boolean()),
    number_in_remittance: Type.Optional(Type.Boolean()),
    statements: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object({
          format: Format,
          encoding: Type.Optional(Encoding),
          columns: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 50 })),
          information: Type.Optional(Information),
        }),
      ]),
    ),
    watch_folder: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    secret: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
  },
  { additionalProperties: false },
);

const Payment = Type.Object(
  {
    channel: Type.String({ maxLength: 32 }),
    sub_account_no: Type.String({ minLength: 1, maxLength: 64 }),
    payer_name: Type.String({ maxLength: 300 }),
    amount: Type.Optional(Type.String({ maxLength: 32 })),
    payer_account_no: Type.Optional(Type.String({ maxLength: 64 })),
    payer_bank_name: Type.Optional(Type.String({ maxLength: 300 })),
    remittance: Type.Optional(Type.String({ maxLength: 2_000 })),
    biz_flow_no: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    reversal: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const Decision = Type.Object(
  { decision: Type.Union([Type.Literal('accept'), Type.Literal('refuse')]), reason: Type.String({ maxLength: 2_000 }) },
  { additionalProperties: false },
);

const Confirmation = Type.Object(
  {
    state: Type.Union([Type.Literal('paid'), Type.Literal('failed')]),
    biz_flow_no: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    reason: Type.Optional(Type.String({ maxLength: 2_000 })),
  },
  { additionalProperties: false },
);

/** `payer=对方户名` and so on as a record. Which columns there are the bank says. */
export function columnsOf(pairs: readonly string[]): Partial<Record<CsvColumn, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals > 0) return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
      const expected = `COLUMN=HEADING with ${CSV_COLUMNS.join(', ')}`;
      throw new DomainError('bank_channel_invalid', { field: 'map', expected });
    }),
  ) as Partial<Record<CsvColumn, string>>;
}

/** `/bank`: channels, payments, the sandbox's payments, the manual queue, payment orders. */
export function registerBankRoutes(admin: AdminServer, { bank }: { bank: Bank }): void {
  admin.get('/bank/channels', async () => ({ channels: (await bank.listChannels()).map(presentChannel) }));

  admin.get('/bank/channels/:channel', { schema: { params: ChannelParams } }, async ({ params }) => {
    const channel = await bank.showChannel(params.channel);
    const { unused, inUse, coolingDown, reusable } = channel.subAccounts;
    return { ...presentChannel(channel), sub_accounts: { unused, in_use: inUse, cooling_down: coolingDown, reusable } };
  });

  admin.put('/bank/channels/:channel', { schema: { params: ChannelParams, body: ChannelBody } }, async (request) => {
    const { body } = request;
    const statements = body.statements && {
      format: body.statements.format,
      encoding: body.statements.encoding ?? ('auto' as const),
      columns: columnsOf(body.statements.columns ?? []),
      information: body.statements.information ?? ('untrusted' as const),
    };
    const channel = await bank.setChannel({
      channel: request.params.channel,
      ...(body.main_account_name !== undefined && { mainAccountName: body.main_account_name }),
      ...(body.main_account_bank !== undefined && { mainAccountBank: body.main_account_bank }),
      ...(body.main_account_no !== undefined && { mainAccountNo: body.main_account_no }),
      ...(body.numbers !== undefined && { numbers: body.numbers }),
      ...(body.add_numbers !== undefined && { addNumbers: body.add_numbers }),
      ...(body.cool_down_days !== undefined && { coolDownDays: body.cool_down_days }),
      ...(body.enabled !== undefined && { enabled: body.enabled }),
      ...(body.sandbox !== undefined && { sandbox: body.sandbox }),
      ...(body.number_in_remittance !== undefined && { numberInRemittance: body.number_in_remittance }),
      ...(statements !== undefined && { statements }),
      ...(body.watch_folder !== undefined && { watchFolder: body.watch_folder }),
      ...(body.secret !== undefined && { secret: body.secret }),
      actor: OPERATOR,
    });
    return presentChannel(channel);
  });

  admin.post('/bank/payments', { schema: { body: Payment } }, async ({ body }, reply) => {
    const amount = parseAmount(body.amount ?? '0.01', 'decimal');
    if ('fault' in amount) {
      throw new DomainError('bank_notice_invalid', { field: 'amount', expected: 'yuan such as 0.01, to the fen' });
    }
    const received = await bank.paySandbox({
      channel: body.channel,
      subAccountNo: body.sub_account_no,
      payerName: body.payer_name,
      amountFen: amount.fen,
      ...(body.payer_account_no !== undefined && { payerAccountNo: body.payer_account_no }),
      ...(body.payer_bank_name !== undefined && { payerBankName: body.payer_bank_name }),
      ...(body.remittance !== undefined && { remittance: body.remittance }),
      ...(body.biz_flow_no !== undefined && { bizFlowNo: body.biz_flow_no }),
      ...(body.reversal !== undefined && { reversal: body.reversal }),
      actor: OPERATOR,
    });
    const { transactionId, known, verdict } = received;
    const reason = 'reason' in verdict ? verdict.reason : null;
    return reply.code(201).send({ transaction_id: transactionId, known, verdict: verdict.kind, reason });
  });

  const querystring = Type.Object({
    verdict: Type.Optional(
      Type.Union([Type.Literal('unclaimed'), Type.Literal('paid'), Type.Literal('failed'), Type.Literal('near_miss')]),
    ),
    channel: Type.Optional(Type.String({ maxLength: 32 })),
    limit: Limit,
  });
  admin.get('/bank/transactions', { schema: { querystring } }, async ({ query }) => {
    if (query.channel !== undefined) await bank.showChannel(query.channel);
    return { transactions: (await bank.listPayments(query)).map(presentPayment) };
  });

  registerReviewRoutes(admin, bank);
  registerOrderRoutes(admin, bank);
}

function registerReviewRoutes(admin: AdminServer, bank: Bank): void {
  const state = Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('accepted'), Type.Literal('refused')]));
  const querystring = Type.Object({ state, limit: Limit });
  admin.get('/bank/reviews', { schema: { querystring } }, async ({ query }) => {
    const reviews = await bank.listReviews({
      ...(query.state !== undefined && { state: query.state }),
      ...(query.limit !== undefined && { limit: query.limit }),
    });
    return { reviews: reviews.map(presentReview) };
  });

  const schema = { params: ReviewParams, body: Decision };
  admin.put('/bank/reviews/:transactionId/decision', { schema }, async ({ params, body }) =>
    presentReview(await bank.resolveReview({ transactionId: params.transactionId, ...body, actor: OPERATOR })),
  );
}

function registerOrderRoutes(admin: AdminServer, bank: Bank): void {
  const state = Type.Optional(Type.Union([Type.Literal('created'), Type.Literal('paid'), Type.Literal('failed')]));
  const querystring = Type.Object({ state, limit: Limit });
  admin.get('/bank/orders', { schema: { querystring } }, async ({ query }) => {
    const orders = await bank.listOrders({
      ...(query.state !== undefined && { state: query.state }),
      ...(query.limit !== undefined && { limit: query.limit }),
    });
    return { orders: orders.map(presentOrder) };
  });

  // What the operator's bank has to know is shown on purpose, and that it was shown is recorded: hence a POST.
  admin.post('/bank/orders/:orderId/reveals', { schema: { params: OrderParams } }, async ({ params }, reply) => {
    const order = await bank.revealOrder({ orderId: params.orderId, actor: OPERATOR });
    return reply
      .code(201)
      .send({ ...presentOrder(order), payee_account_no: order.payeeAccountNo, amount: yuanText(order.amountFen) });
  });

  const schema = { params: OrderParams, body: Confirmation };
  admin.put('/bank/orders/:orderId/confirmation', { schema }, async ({ params, body }) => {
    const paid = { state: 'paid' as const, ...(body.biz_flow_no !== undefined && { bizFlowNo: body.biz_flow_no }) };
    const outcome = body.state === 'paid' ? paid : { state: 'failed' as const, reason: body.reason ?? '' };
    return presentOrder(await bank.confirmOrder({ orderId: params.orderId, outcome, actor: OPERATOR }));
  });
}
