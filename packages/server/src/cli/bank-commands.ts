import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { addStatementCommand, ENCODINGS, FORMATS, INFORMATION } from './bank-import-command.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface ChannelOptions extends ClientOptions {
  name?: string;
  bank?: string;
  account?: string;
  prefix?: string;
  width?: string;
  numbers?: string;
  coolDown?: string;
  enable?: true;
  disable?: true;
  sandbox?: boolean;
  numberInRemittance?: boolean;
  format?: string;
  encoding?: string;
  map?: string;
  information?: string;
  watch?: string | false;
  secret?: string | false;
  generateSecret?: true;
}

const NUMBERS_AT_ONCE = 5_000;

/** `yinxin bank …`: the operator's accounts, their statements, what a person has to decide, transfers to make. */
export function addBankCommands(program: Command, context: CliContext): void {
  const bank = program
    .command('bank')
    .description("the operator's bank: channels, statements, reviews, payment orders");
  addChannelCommands(bank, context);
  addStatementCommand(bank, context);
  addTransactionCommands(bank, context);
  addPayCommand(bank, context);
  addReviewCommands(bank, context);
  addOrderCommands(bank, context);
}

function addChannelCommands(bank: Command, context: CliContext): void {
  const channel = bank.command('channel').description('accounts that companies pay to');

  withClientOptions(channel.command('list').description('all channels')).action(async (options: ClientOptions) => {
    const result = await adminClient(context, options).get('/bank/channels');
    const keys = ['channel', 'main_account_name', 'main_account_no', 'numbers', 'enabled', 'sandbox', 'consulted_at'];
    answer(context, options, result, () =>
      printTable(context, result['channels'] as Row[], keys, 'no channels yet; see yinxin bank channel set --help'),
    );
  });

  withClientOptions(channel.command('show <channel>').description('one channel, and how many numbers it has')).action(
    async (name: string, options: ClientOptions) => {
      const result = await adminClient(context, options).get(`/bank/channels/${encodeURIComponent(name)}`);
      answer(context, options, result, () => printRecord(context, result));
    },
  );

  withClientOptions(channel.command('set <channel>').description('make a channel, or change what is named'))
    .option('--name <text>', "the main account's name (mainAccountName)")
    .option('--bank <text>', 'bank and branch of the main account (mainAccountBank)')
    .option('--account <no>', 'number of the main account')
    .option('--prefix <digits>', 'sub-accounts are this prefix and a running number …')
    .option('--width <digits>', '… of so many digits')
    .option('--numbers <file>', 'add the sub-account numbers of a file, one a line, to the pool')
    .option('--cool-down <days>', 'days until a number is given out again (default: 90)')
    .option('--enable', 'switch on')
    .option('--disable', 'switch off: no new numbers; statements are still read')
    .option('--sandbox', 'payments can be made up with `yinxin bank pay`')
    .option('--no-sandbox', 'payments come from the bank alone')
    .option('--number-in-remittance', 'the receiving number may stand in the remittance text')
    .option('--no-number-in-remittance', 'the receiving number is never looked for in the remittance text')
    .addOption(new Option('--format <format>', 'of its statements').choices(FORMATS))
    .addOption(new Option('--encoding <encoding>', 'of its statements (default: auto)').choices(ENCODINGS))
    .option('--map <list>', 'CSV columns, such as payer=对方户名,amount=贷方金额')
    .addOption(
      new Option(
        '--information <shape>',
        'in which the bank writes the payer into field 86 of MT940 (default: untrusted)',
      ).choices(INFORMATION),
    )
    .option('--watch <folder>', 'import what is put into this folder')
    .option('--no-watch', 'watch no folder')
    .option('--secret <text>', 'signs notices to POST /api/bank/notify; 32 characters at least')
    .option('--no-secret', 'take no notices')
    .option('--generate-secret', 'make such a secret and print it')
    .action(async (name: string, options: ChannelOptions) => {
      const secret = options.generateSecret === true ? randomBytes(32).toString('base64url') : options.secret;
      const client = adminClient(context, options);
      const path = `/bank/channels/${encodeURIComponent(name)}`;
      const change = channelChange(context, options);
      const numbers = options.numbers === undefined ? [] : await numbersOf(resolve(context.cwd, options.numbers));
      // A pool of a hundred thousand numbers is more than one request takes.
      let stored = await client.send('PUT', path, {
        ...change,
        ...(secret !== undefined && { secret: secret === false ? null : secret }),
        add_numbers: numbers.slice(0, NUMBERS_AT_ONCE),
      });
      for (let at = NUMBERS_AT_ONCE; at < numbers.length; at += NUMBERS_AT_ONCE) {
        stored = await client.send('PUT', path, { add_numbers: numbers.slice(at, at + NUMBERS_AT_ONCE) });
      }
      const result = options.generateSecret === true ? { ...stored, secret } : stored;
      answer(context, options, result, () => printRecord(context, result));
    });
}

function channelChange(context: CliContext, options: ChannelOptions): Record<string, unknown> {
  const { prefix, width, watch } = options;
  if (prefix !== undefined && width === undefined) throw new CliError('--prefix needs --width');
  if (width !== undefined && options.numbers !== undefined) throw new CliError('give --width or --numbers, not both');
  if (options.format === undefined && (options.map ?? options.encoding ?? options.information) !== undefined) {
    throw new CliError('--map, --encoding and --information need --format');
  }
  const rule = width === undefined ? undefined : { kind: 'rule', prefix: prefix ?? '', width: wholeNumber(width) };
  return {
    main_account_name: options.name,
    main_account_bank: options.bank,
    main_account_no: options.account,
    numbers: options.numbers === undefined ? rule : { kind: 'pool' },
    cool_down_days: options.coolDown === undefined ? undefined : wholeNumber(options.coolDown),
    enabled: options.disable === true ? false : options.enable,
    sandbox: options.sandbox,
    number_in_remittance: options.numberInRemittance,
    statements: options.format && {
      format: options.format,
      encoding: options.encoding,
      columns: options.map?.split(','),
      information: options.information,
    },
    watch_folder: watch === false ? null : watch && resolve(context.cwd, watch),
  };
}

async function numbersOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(`cannot read ${file}`, { cause: error });
  });
  return text.split(/\s+/).filter((number) => number !== '');
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new CliError(`${text} is no whole number`);
  return Number(text);
}

function addTransactionCommands(bank: Command, context: CliContext): void {
  const transaction = bank.command('transaction').description('payments that came, and what became of them');

  const verdicts = ['unclaimed', 'paid', 'failed', 'near_miss'];
  withClientOptions(transaction.command('list').description('credits, the newest first'))
    .addOption(
      new Option('--verdict <verdict>', 'which; unclaimed: to a number that no open flow holds')
        .choices(verdicts)
        .default('unclaimed'),
    )
    .option('--channel <channel>', 'of this channel alone')
    .option('--limit <count>', 'how many, 1000 at most (default: 100)')
    .action(async (options: ClientOptions & { verdict: string; channel?: string; limit?: string }) => {
      const { verdict, channel, limit } = options;
      const result = await adminClient(context, options).get('/bank/transactions', { verdict, channel, limit });
      const keys = ['transaction_id', 'sub_account_no', 'amount', 'payer_name', 'why', 'traded_at', 'biz_flow_no'];
      answer(context, options, result, () =>
        printTable(context, result['transactions'] as Row[], keys, `no payments that are ${verdict}`),
      );
    });
}

interface PayOptions extends ClientOptions {
  channel?: string;
  payer: string;
  amount: string;
  payerAccount?: string;
  payerBank?: string;
  reference?: string;
  remittance?: string;
  reverse?: true;
}

function addPayCommand(bank: Command, context: CliContext): void {
  withClientOptions(
    bank.command('pay <sub_account_no>').description('make up a payment: works only where a sandbox channel is on'),
  )
    .addHelpText('after', '\nOn every other channel the service refuses it: real payments come from the bank.')
    .option('--channel <channel>', 'default: the sandbox channel, where there is one')
    .requiredOption('--payer <name>', 'who pays')
    .option('--amount <yuan>', 'how much', '0.01')
    .option('--payer-account <no>', "the payer's account")
    .option('--payer-bank <name>', "the payer's bank")
    .option('--reference <text>', "the bank's reference (default: a new one)")
    .option('--remittance <text>', 'remittance text')
    .option('--reverse', 'take back the payment of this reference')
    .action(async (subAccountNo: string, options: PayOptions) => {
      const client = adminClient(context, options);
      const result = await client.send('POST', '/bank/payments', {
        channel: options.channel ?? (await sandboxChannel(client)),
        sub_account_no: subAccountNo,
        payer_name: options.payer,
        amount: options.amount,
        payer_account_no: options.payerAccount,
        payer_bank_name: options.payerBank,
        biz_flow_no: options.reference,
        remittance: options.remittance,
        reversal: options.reverse,
      });
      answer(context, options, result, () => printRecord(context, result));
    });
}

async function sandboxChannel(client: ReturnType<typeof adminClient>): Promise<string> {
  const { channels } = (await client.get('/bank/channels')) as { channels: Row[] };
  const sandboxes = channels.filter((channel) => channel['sandbox'] === true && channel['enabled'] === true);
  const [only] = sandboxes;
  if (only === undefined) throw new CliError('no sandbox channel is on: payments come from the bank');
  if (sandboxes.length > 1) throw new CliError('several sandbox channels are on; name one with --channel');
  return String(only['channel']);
}

function addReviewCommands(bank: Command, context: CliContext): void {
  const review = bank.command('review').description('payments whose payer is nearly the company: a person decides');

  withClientOptions(review.command('list').description('what waits, the longest first'))
    .addOption(new Option('--state <state>', 'which').choices(['open', 'accepted', 'refused']).default('open'))
    .action(async (options: ClientOptions & { state: string }) => {
      const result = await adminClient(context, options).get('/bank/reviews', { state: options.state });
      const keys = ['transaction_id', 'company_name', 'payer_name', 'why', 'amount', 'traded_at', 'flow_id'];
      answer(context, options, result, () =>
        printTable(context, result['reviews'] as Row[], keys, `no ${options.state} reviews`),
      );
    });

  for (const decision of ['accept', 'refuse'] as const) {
    const does = decision === 'accept' ? "it is the company's payment" : 'it is not';
    withClientOptions(review.command(`${decision} <transaction_id>`).description(`${does}; goes into the audit`))
      .requiredOption('--reason <text>', 'what you saw and where it is kept')
      .action(async (transactionId: string, options: ClientOptions & { reason: string }) => {
        const path = `/bank/reviews/${encodeURIComponent(transactionId)}/decision`;
        const result = await adminClient(context, options).send('PUT', path, { decision, reason: options.reason });
        answer(context, options, result, () => printRecord(context, result));
      });
  }
}

interface ConfirmOptions extends ClientOptions {
  paid?: true;
  failed?: true;
  reference?: string;
  reason?: string;
}

function addOrderCommands(bank: Command, context: CliContext): void {
  const order = bank.command('order').description('transfers of a random amount, which your bank makes');

  withClientOptions(order.command('list').description('what waits, the longest first'))
    .addOption(new Option('--state <state>', 'which').choices(['created', 'paid', 'failed']).default('created'))
    .action(async (options: ClientOptions & { state: string }) => {
      const result = await adminClient(context, options).get('/bank/orders', { state: options.state });
      const keys = ['order_id', 'state', 'payee_name', 'payee_account_no', 'payee_subbranch', 'created_at'];
      answer(context, options, result, () =>
        printTable(context, result['orders'] as Row[], keys, `no orders that are ${options.state}`),
      );
    });

  withClientOptions(
    order.command('show <order_id>').description('amount and whole account number of one; goes into the audit'),
  ).action(async (orderId: string, options: ClientOptions) => {
    const result = await adminClient(context, options).send(
      'POST',
      `/bank/orders/${encodeURIComponent(orderId)}/reveals`,
    );
    answer(context, options, result, () => printRecord(context, result));
  });

  withClientOptions(order.command('confirm <order_id>').description('say what came of a transfer'))
    .option('--paid', 'the bank made it')
    .option('--failed', 'the bank could not make it')
    .option('--reference <text>', "the bank's reference of a transfer that was made")
    .option('--reason <text>', 'why one was not made')
    .action(async (orderId: string, options: ConfirmOptions) => {
      if ((options.paid === true) === (options.failed === true)) throw new CliError('give one of --paid and --failed');
      if (options.failed === true && options.reason === undefined) throw new CliError('--failed needs --reason');
      const path = `/bank/orders/${encodeURIComponent(orderId)}/confirmation`;
      const result = await adminClient(context, options).send('PUT', path, {
        state: options.paid === true ? 'paid' : 'failed',
        biz_flow_no: options.reference,
        reason: options.reason,
      });
      answer(context, options, result, () => printRecord(context, result));
    });
}
