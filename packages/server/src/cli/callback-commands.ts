import { Option, type Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface ListOptions extends ClientOptions {
  app?: string;
  callee?: string;
  state?: string;
  messageType?: string;
  before?: string;
  limit?: string;
}

/** `yinxin callback …`: what was relayed, to whom, with which tries. */
export function addCallbackCommands(program: Command, context: CliContext): void {
  const callback = program.command('callback').description('messages of the relay and their tries');

  withClientOptions(callback.command('list').description('callbacks, the newest first'))
    .option('--app <app_id>', 'of one application')
    .option('--callee <callee_no>', 'to one registered destination')
    .addOption(
      new Option('--state <state>', 'in one state').choices(['leased', 'waiting', 'parked', 'delivered', 'failed']),
    )
    .option('--message-type <type>', 'of one message_type')
    .option('--before <request_id>', 'older than this one: the last of the page before')
    .option('--limit <n>', 'at most this many (default 50, at most 500)')
    .action(async (options: ListOptions) => {
      const result = await adminClient(context, options).get('/callbacks', {
        app_id: options.app,
        callee_no: options.callee,
        state: options.state,
        message_type: options.messageType,
        before: options.before,
        limit: options.limit,
      });
      answer(context, options, result, () =>
        printTable(
          context,
          result['callbacks'] as Row[],
          ['request_id', 'state', 'attempts', 'reason', 'profile', 'url', 'accepted_at'],
          'no callbacks',
        ),
      );
    });

  withClientOptions(
    callback.command('show <request_id>').description('one callback with its message and every try'),
  ).action(async (requestId: string, options: ClientOptions) => {
    const result = await adminClient(context, options).get(`/callbacks/${encodeURIComponent(requestId)}`);
    answer(context, options, result, () => {
      const { attempt_list: attempts, ...delivery } = result;
      printRecord(context, delivery);
      context.out('');
      printTable(
        context,
        attempts as Row[],
        ['number', 'started_at', 'duration_ms', 'outcome', 'status', 'reason', 'remote_address', 'answer'],
        'no try yet',
      );
    });
  });

  withClientOptions(
    callback
      .command('replay <request_id>')
      .description('send a delivered or failed callback again, under the same webhook-id'),
  ).action(async (requestId: string, options: ClientOptions) => {
    const path = `/callbacks/${encodeURIComponent(requestId)}/replays`;
    const result = await adminClient(context, options).send('POST', path);
    answer(context, options, result, () => printRecord(context, result));
  });
}
