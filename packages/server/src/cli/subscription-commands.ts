import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface ListOptions extends ClientOptions {
  app?: string;
  eventKey?: string;
  before?: string;
  limit?: string;
}

/** `yinxin subscription …`: who is told of which events. */
export function addSubscriptionCommands(program: Command, context: CliContext): void {
  const subscription = program.command('subscription').description('event subscriptions');

  withClientOptions(subscription.command('list').description('subscriptions, the newest first'))
    .option('--app <app_id>', 'of one application')
    .option('--event-key <key>', 'to exactly this key')
    .option('--before <subscription_id>', 'older than this one: the last of the page before')
    .option('--limit <n>', 'at most this many (default 50, at most 500)')
    .action(async (options: ListOptions) => {
      const result = await adminClient(context, options).get('/subscriptions', {
        app_id: options.app,
        event_key: options.eventKey,
        before: options.before,
        limit: options.limit,
      });
      answer(context, options, result, () =>
        printTable(
          context,
          result['subscriptions'] as Row[],
          ['subscription_id', 'app_id', 'event_key', 'callback_url', 'subscriber', 'is_signature', 'created_at'],
          'no subscriptions; applications make them with `POST /api/subscription`',
        ),
      );
    });

  const pathOf = (subscriptionId: string): string => `/subscriptions/${encodeURIComponent(subscriptionId)}`;

  withClientOptions(subscription.command('show <subscription_id>').description('one subscription')).action(
    async (subscriptionId: string, options: ClientOptions) => {
      const result = await adminClient(context, options).get(pathOf(subscriptionId));
      answer(context, options, result, () => printRecord(context, result));
    },
  );

  withClientOptions(
    subscription
      .command('remove <subscription_id>')
      .description('end a subscription; what was published before is still delivered'),
  ).action(async (subscriptionId: string, options: ClientOptions) => {
    const result = await adminClient(context, options).send('DELETE', pathOf(subscriptionId));
    answer(context, options, result, () => printRecord(context, result));
  });
}
