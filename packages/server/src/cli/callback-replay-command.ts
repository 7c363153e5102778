import { Option, type Command } from 'commander';
import { filterFields, LIST_COLUMNS, withFilterOptions, type FilterOptions } from './callback-filter.ts';
import { adminClient, lastOf, withClientOptions, type AdminClient, type Step } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface ReplayOptions extends FilterOptions {
  dryRun?: boolean;
  rate?: string;
  after?: string;
  superseded?: boolean;
}

const FILTER_NAMES = [
  'app',
  'callee',
  'state',
  'messageType',
  'from',
  'to',
  'text',
  'after',
  'dryRun',
  'rate',
] as const;

/** `yinxin callback replay`: one by its id, or many by a filter. */
export function addReplayCommand(callback: Command, context: CliContext): void {
  withFilterOptions(
    withClientOptions(
      callback
        .command('replay [request_id]')
        .description('send ended callbacks again under the same webhook-id: one, or many by a filter with --state'),
    ),
  )
    .addOption(new Option('--state <state>', 'many: those in this state').choices(['failed', 'delivered']))
    .option('--superseded', 'those too of which a later message of their ordering key says what counts')
    .option('--dry-run', 'many: only tell how many, with a sample')
    .option('--rate <n>', 'many: this many a second (default 50)')
    .option('--after <request_id>', 'many: go on after this one, the last that an earlier run told')
    .action(async (requestId: string | undefined, options: ReplayOptions) => {
      const client = adminClient(context, options);
      const isFiltered = FILTER_NAMES.some((name) => options[name] !== undefined);
      if (requestId !== undefined) {
        if (isFiltered) throw new CliError('name one callback, or a filter, not both');
        const query = options.superseded === true ? '?superseded=true' : '';
        const result = await client.send('POST', `/callbacks/${encodeURIComponent(requestId)}/replays${query}`);
        answer(context, options, result, () => printRecord(context, result));
      } else if (options.state === undefined) {
        throw new CliError('name a callback, or --state failed and whatever else narrows it; try --dry-run first');
      } else if (options.dryRun === true) await preview(context, client, options);
      else await replayMany(context, client, options);
    });
}

async function preview(context: CliContext, client: AdminClient, options: ReplayOptions): Promise<void> {
  const query = {
    ...filterFields(options),
    after: options.after,
    superseded: options.superseded === true ? 'true' : undefined,
  };
  const result = await client.get('/callback-replays', query);
  answer(context, options, result, () => {
    const dropped = Number(result['content_dropped']);
    context.out(`${String(result['count'])} would be sent again`);
    const superseded = Number(result['superseded']);
    if (superseded > 0) {
      context.out(
        `${superseded} more fit, but a later message of their ordering key counts; --superseded sends them too`,
      );
    }
    if (dropped > 0) context.out(`${dropped} more fit, but their content was dropped`);
    printTable(context, result['sample'] as Row[], LIST_COLUMNS, 'none');
  });
}

async function replayMany(context: CliContext, client: AdminClient, options: ReplayOptions): Promise<void> {
  let last: string | null = options.after ?? null;
  const steps = client.follow('POST', '/callback-replays', {
    ...filterFields(options),
    after: options.after,
    ...(options.superseded === true && { superseded: true }),
    ...(options.rate !== undefined && { rate_per_second: Number(options.rate) }),
  });
  try {
    const result = await lastOf(steps, 'the service broke off', (step) => {
      if (typeof step['last_request_id'] === 'string') last = step['last_request_id'];
      if (step['replayed'] !== undefined) context.progress?.(progressLine(step));
    });
    context.progress?.('');
    answer(context, options, result, () => printRecord(context, result));
  } catch (error) {
    context.progress?.('');
    const told = error instanceof CliError ? error.message : 'the connection broke';
    if (last === null) throw error;
    throw new CliError(`${told}; go on with the same filter and --after ${last}`, { cause: error });
  }
}

function progressLine(step: Step): string {
  return `${String(step['replayed'])} of ${String(step['total'])} sent again, up to ${String(step['last_request_id'])}`;
}
