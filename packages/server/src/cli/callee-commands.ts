import { Option, type Command } from 'commander';
import type { SecretKind } from '../relay/index.ts';
import { withShortStatuses } from './answer-rules.ts';
import { addCalleeSet } from './callee-set-command.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { durationMs } from './duration.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface OwnerOptions extends ClientOptions {
  app?: string;
}

interface RotateOptions extends OwnerOptions {
  kind: SecretKind;
  overlap?: string;
  secret?: string;
}

/** The relay's own names; by its type, none is missing and none is made up. */
const SECRET_KINDS: Readonly<Record<SecretKind, true>> = { webhook: true, ed25519: true, body: true };

const OWNER_HELP = 'of one application (default: shared by all)';

/** `yinxin callee …`: registered destinations of the relay. */
export function addCalleeCommands(program: Command, context: CliContext): void {
  const callee = program.command('callee').description('registered destinations of callbacks');
  addCalleeSet(callee, context, OWNER_HELP);

  withClientOptions(callee.command('list').description('all destinations'))
    .option('--app <app_id>', 'of one application (default: every one)')
    .action(async (options: OwnerOptions) => {
      const result = await adminClient(context, options).get('/callees', { app_id: options.app });
      answer(context, options, result, () =>
        printTable(
          context,
          result['callees'] as Row[],
          ['callee_no', 'app_id', 'url', 'profile', 'enabled', 'updated_at'],
          'no destinations yet; make one with `yinxin callee set NO --url URL`',
        ),
      );
    });

  withClientOptions(callee.command('show <callee_no>').description('one destination'))
    .option('--app <app_id>', OWNER_HELP)
    .action(async (calleeNo: string, options: OwnerOptions) => {
      const client = adminClient(context, options);
      const callee = await client.get(`/callees/${encodeURIComponent(calleeNo)}`, { app_id: options.app });
      const { lanes } = await client.get('/lanes', { app_id: options.app, callee_no: calleeNo });
      const [lane = null] = lanes as Row[];
      const result = { ...callee, lane };
      answer(context, options, result, () => {
        printRecord(context, withShortStatuses(callee));
        context.out('');
        if (lane === null) context.out('nothing is under way, and the circuit is closed');
        else printRecord(context, lane);
      });
    });

  withClientOptions(callee.command('urls <callee_no>').description('every URL it has had, who set it and when'))
    .option('--app <app_id>', OWNER_HELP)
    .action(async (calleeNo: string, options: OwnerOptions) => {
      const path = `/callees/${encodeURIComponent(calleeNo)}/urls`;
      const result = await adminClient(context, options).get(path, { app_id: options.app });
      answer(context, options, result, () =>
        printTable(context, result['urls'] as Row[], ['version', 'url', 'set_by', 'set_at'], 'none'),
      );
    });

  addRotate(callee, context);
}

function addRotate(callee: Command, context: CliContext): void {
  withClientOptions(
    callee
      .command('rotate-secret <callee_no>')
      .description('make a key anew; the one before signs beside it until the overlap ends'),
  )
    .option('--app <app_id>', OWNER_HELP)
    .addOption(
      new Option('--kind <kind>', "webhook: HMAC secret; ed25519: key pair; body: the envelope's RSA key, at once")
        .choices(Object.keys(SECRET_KINDS))
        .default('webhook'),
    )
    .option('--overlap <duration>', 'how long both are valid, at most 720h (default: 24h; 0s: the new one at once)')
    .option('--secret <whsec>', 'a webhook secret that the other side made (default: a new one, printed once)')
    .action(async (calleeNo: string, options: RotateOptions) => {
      const owner = options.app === undefined ? '' : `?app_id=${encodeURIComponent(options.app)}`;
      const path = `/callees/${encodeURIComponent(calleeNo)}/rotate-secret${owner}`;
      const result = await adminClient(context, options).send('POST', path, {
        kind: options.kind,
        ...(options.overlap !== undefined && { overlap_ms: durationMs(options.overlap) }),
        ...(options.secret !== undefined && { webhook_secret: options.secret }),
      });
      answer(context, options, result, () => printRecord(context, withShortStatuses(result)));
    });
}
