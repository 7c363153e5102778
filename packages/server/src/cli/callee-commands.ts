import { randomBytes } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { ProfileName } from '../relay/index.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface SetOptions extends ClientOptions {
  app?: string;
  url?: string;
  profile?: string;
  signType?: string;
  webhookSecret?: string;
  generateSecret?: boolean;
  ackStatus?: string;
  ackText?: string;
  ackJson?: string;
  delays?: string;
  enable?: boolean;
  disable?: boolean;
}

/** The relay's own names; by its type, none is missing and none is made up. */
const PROFILES: Readonly<Record<ProfileName, true>> = {
  'etc-relay': true,
  'etc-notify': true,
  tsign: true,
  plain: true,
};

const OWNER_HELP = 'of one application (default: shared by all)';

/** `yinxin callee …`: registered destinations of the relay. */
export function addCalleeCommands(program: Command, context: CliContext): void {
  const callee = program.command('callee').description('registered destinations of callbacks');
  addSet(callee, context);

  withClientOptions(callee.command('list').description('all destinations'))
    .option('--app <app_id>', 'of one application (default: every one)')
    .action(async (options: ClientOptions & { app?: string }) => {
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
    .action(async (calleeNo: string, options: ClientOptions & { app?: string }) => {
      const path = `/callees/${encodeURIComponent(calleeNo)}`;
      const result = await adminClient(context, options).get(path, { app_id: options.app });
      answer(context, options, result, () => printRecord(context, result));
    });
}

function addSet(callee: Command, context: CliContext): void {
  withClientOptions(
    callee.command('set <callee_no>').description('make or change a destination; what you leave out stays'),
  )
    .option('--app <app_id>', OWNER_HELP)
    .option('--url <url>', 'where messages go (required for a new one)')
    .addOption(
      new Option('--profile <profile>', 'what is sent and what acknowledges (etc-relay for a new one)').choices(
        Object.keys(PROFILES),
      ),
    )
    .addOption(
      new Option('--sign-type <type>', "the envelope's signature: RSA is SHA1withRSA, RSA2 SHA256withRSA").choices([
        'RSA',
        'RSA2',
      ]),
    )
    .option('--webhook-secret <secret>', "Standard Webhooks secret of its own (whsec_…; default: the application's)")
    .option('--generate-secret', 'make such a secret and print it')
    .option('--ack-status <list>', 'acknowledged by these HTTP statuses, such as 200,204')
    .option('--ack-text <text>', 'acknowledged by exactly this body')
    .option('--ack-json <path=value>', 'acknowledged by a value in the JSON answer, such as code=000')
    .option('--delays <list>', 'waits between tries, such as 1s,3s,1m,1h')
    .option('--enable', 'switch on')
    .addOption(new Option('--disable', 'switch off: refuse new messages, park those that wait').conflicts('enable'))
    .action(async (calleeNo: string, options: SetOptions) => {
      const secret =
        options.generateSecret === true ? `whsec_${randomBytes(32).toString('base64')}` : options.webhookSecret;
      const change = {
        url: options.url,
        profile: options.profile,
        sign_type: options.signType,
        webhook_secret: secret,
        acknowledge: acknowledgeRule(options),
        delays_ms: options.delays?.split(',').map((text) => durationMs(text.trim())),
        enabled: options.disable === true ? false : options.enable,
      };
      const owner = options.app === undefined ? '' : `?app_id=${encodeURIComponent(options.app)}`;
      const path = `/callees/${encodeURIComponent(calleeNo)}${owner}`;
      const stored = await adminClient(context, options).send('PUT', path, change);
      const result = options.generateSecret === true ? { ...stored, webhook_secret: secret } : stored;
      answer(context, options, result, () => printRecord(context, result));
    });
}

function acknowledgeRule(options: SetOptions): Record<string, unknown> | undefined {
  const statuses = options.ackStatus?.split(',').map((text) => Number(text.trim()));
  if (options.ackText !== undefined && options.ackJson !== undefined) {
    throw new CliError('give one of --ack-text and --ack-json');
  }
  if (options.ackText !== undefined) return { kind: 'text', text: options.ackText, ...(statuses && { statuses }) };
  if (options.ackJson === undefined) return statuses && { kind: 'status', statuses };
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(options.ackJson) ?? [];
  if (path === undefined || value === undefined)
    throw new CliError('--ack-json is written path=value, such as code=000');
  return { kind: 'json', path, value, ...(statuses && { statuses }) };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `250ms`, `3s`, `1m`, `2h` in milliseconds. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  if (amount === undefined || unitMs === undefined) throw new CliError(`${text} is no duration such as 3s, 1m or 2h`);
  return Number(amount) * unitMs;
}
