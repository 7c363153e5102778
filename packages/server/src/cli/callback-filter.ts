import type { Command } from 'commander';
import type { ClientOptions } from './client.ts';
import { momentOf } from './moment.ts';

/** What lists and replays are narrowed by. */
export interface FilterOptions extends ClientOptions {
  app?: string;
  callee?: string;
  state?: string;
  messageType?: string;
  from?: string;
  to?: string;
  text?: string;
}

export const LIST_COLUMNS = ['request_id', 'state', 'attempts', 'reason', 'profile', 'url', 'accepted_at'];

export function withFilterOptions(command: Command): Command {
  return command
    .option('--app <app_id>', 'of one application')
    .option('--callee <callee_no>', 'to one registered destination')
    .option('--message-type <type>', 'of one message_type')
    .option('--from <moment>', 'accepted then or later: 2026-03-22T18:00+08:00, 2026-03-22 (UTC), or 2h (ago)')
    .option('--to <moment>', 'accepted before then')
    .option('--text <text>', 'stands in the message as it was handed over, byte for byte; needs --app or --from');
}

/** The filter as the admin API takes it. */
export function filterFields(options: FilterOptions): Record<string, string | undefined> {
  const now = new Date();
  return {
    app_id: options.app,
    callee_no: options.callee,
    state: options.state,
    message_type: options.messageType,
    from: options.from === undefined ? undefined : momentOf(options.from, now),
    to: options.to === undefined ? undefined : momentOf(options.to, now),
    text: options.text,
  };
}
