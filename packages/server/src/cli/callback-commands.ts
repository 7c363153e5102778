import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { filterFields, LIST_COLUMNS, withFilterOptions, type FilterOptions } from './callback-filter.ts';
import { addReplayCommand } from './callback-replay-command.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface ListOptions extends FilterOptions {
  orderingKey?: string;
  before?: string;
  limit?: string;
}

// Spelled out here, so that the command line does not load the relay for them; the server checks them.
const STATES = ['leased', 'waiting', 'queued', 'parked', 'delivered', 'failed'];

/** `yinxin callback …`: what was relayed, to whom, with which tries. */
export function addCallbackCommands(program: Command, context: CliContext): void {
  const callback = program.command('callback').description('messages of the relay and their tries');

  withFilterOptions(withClientOptions(callback.command('list').description('callbacks, the newest first')))
    .addOption(new Option('--state <state>', 'in one state').choices(STATES))
    .option('--ordering-key <key>', 'of one ordering key, as long as they are under way')
    .option('--before <request_id>', 'older than this one: the last of the page before')
    .option('--limit <n>', 'at most this many (default 50, at most 500)')
    .action(async (options: ListOptions) => {
      const result = await adminClient(context, options).get('/callbacks', {
        ...filterFields(options),
        ordering_key: options.orderingKey,
        before: options.before,
        limit: options.limit,
      });
      answer(context, options, result, () =>
        printTable(context, result['callbacks'] as Row[], LIST_COLUMNS, 'no callbacks'),
      );
    });

  addShow(callback, context);
  addEvidence(callback, context);
  addReplayCommand(callback, context);
  addActs(callback, context);
}

function addShow(callback: Command, context: CliContext): void {
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
        ['number', 'started_at', 'duration_ms', 'outcome', 'status', 'reason', 'remote_address', 'node', 'answer'],
        'no try yet',
      );
      for (const { number, request_sha256: request, tls_fingerprint: peer } of attempts as Row[]) {
        if (typeof request !== 'string') continue;
        const certificate = typeof peer === 'string' ? `, certificate of the peer ${peer}` : '';
        context.out(`try ${String(number)}: SHA-256 of the request ${request}${certificate}`);
      }
    });
  });
}

function addEvidence(callback: Command, context: CliContext): void {
  withClientOptions(
    callback
      .command('evidence <request_id>')
      .description('signed evidence of one callback, which a third party checks with openssl (docs/evidence.md)'),
  )
    .option('--out <file>', 'write it to this new file (default: print it)')
    .action(async (requestId: string, options: ClientOptions & { out?: string }) => {
      const result = await adminClient(context, options).get(`/callbacks/${encodeURIComponent(requestId)}/evidence`);
      const text = JSON.stringify(result, null, 2);
      if (options.out === undefined) {
        context.out(text);
        return;
      }
      const file = resolve(context.cwd, options.out);
      await writeFile(file, `${text}\n`, { flag: 'wx' }).catch((error: unknown) => {
        throw new CliError(`cannot write ${file}; does a file stand there already?`, { cause: error });
      });
      if (options.json === true) context.out(JSON.stringify({ file }));
      else context.out(`${file}: check it by the recipe of docs/evidence.md`);
    });
}

const ACTS = {
  skip: 'end one that waits, as failed; what stands behind it under its ordering key goes on',
  park: 'hold one that waits until it is released; what stands behind it goes on',
  release: 'let one that was parked go on',
} as const;

function addActs(callback: Command, context: CliContext): void {
  for (const [act, description] of Object.entries(ACTS)) {
    withClientOptions(callback.command(`${act} <request_id>`).description(description)).action(
      async (requestId: string, options: ClientOptions) => {
        const path = `/callbacks/${encodeURIComponent(requestId)}/${act}`;
        const result = await adminClient(context, options).send('POST', path);
        answer(context, options, result, () => printRecord(context, result));
      },
    );
  }
}
