import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { ProfileName } from '../relay/index.ts';
import { answerRule, parseStatuses, withShortStatuses } from './answer-rules.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { durationMs } from './duration.ts';
import { answer, printRecord } from './print.ts';

interface SetOptions extends ClientOptions {
  app?: string;
  url?: string;
  urlPinning?: string;
  profile?: string;
  signType?: string;
  webhookSecret?: string;
  generateSecret?: boolean;
  ackStatus?: string;
  ackText?: string;
  ackJson?: string;
  neverStatus?: string;
  neverText?: string[];
  neverJson?: string[];
  tryAfterStatus?: string;
  tryAfterJson?: string;
  delays?: string;
  timeout?: string;
  inFlight?: string;
  rate?: string;
  circuit?: string;
  orderingPath?: string;
  orderingHeader?: string;
  latestOnly?: boolean;
  bodyKey?: string;
  clientCert?: string;
  clientKey?: string;
  authority?: string;
  encryptTo?: string;
  encryptKeyId?: string;
  clear?: string;
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

/** What `--clear` takes away, by the names of the options that set it. */
const CLEARED: Readonly<Record<string, Readonly<Record<string, null | false>>>> = {
  ack: { acknowledge: null },
  never: { refuse: null },
  'try-after': { retry_after: null },
  delays: { delays_ms: null },
  timeout: { attempt_timeout_ms: null },
  'in-flight': { in_flight_max: null },
  rate: { rate_per_second: null },
  circuit: { circuit: null },
  ordering: { ordering_key_path: null, ordering_key_header: null, latest_only: false },
  'webhook-secret': { webhook_secret: null },
  ed25519: { ed25519_key: null },
  'body-key': { body_private_key: null },
  'client-cert': { client_certificate: null },
  authority: { authority: null },
  encrypt: { encryption: null },
};

const repeated = (value: string, before: string[] = []): string[] => [...before, value];

/** `yinxin callee set`: makes or changes a destination. */
export function addCalleeSet(callee: Command, context: CliContext, ownerHelp: string): void {
  const command = withClientOptions(
    callee.command('set <callee_no>').description('make or change a destination; what you leave out stays'),
  )
    .option('--app <app_id>', ownerHelp)
    .option('--url <url>', 'where messages go (required for a new one)')
    .addOption(
      new Option('--url-pinning <which>', 'retries go to the newest URL, or to that of the time of acceptance').choices(
        ['newest', 'pinned'],
      ),
    )
    .addOption(
      new Option('--profile <profile>', 'what is sent and what acknowledges (etc-relay for a new one)').choices(
        Object.keys(PROFILES),
      ),
    );
  addAnswerOptions(command);
  addPaceOptions(command);
  addKeyOptions(command);
  command
    .option('--clear <list>', `take settings away: ${Object.keys(CLEARED).join(', ')}`)
    .option('--enable', 'switch on')
    .addOption(new Option('--disable', 'switch off: refuse new messages, park those that wait').conflicts('enable'))
    .action(async (calleeNo: string, options: SetOptions) => {
      const secret =
        options.generateSecret === true ? `whsec_${randomBytes(32).toString('base64')}` : options.webhookSecret;
      const change = { ...cleared(options.clear), ...present({ ...plainChange(options), webhook_secret: secret }) };
      const keys = await keyChange(context, options);
      const owner = options.app === undefined ? '' : `?app_id=${encodeURIComponent(options.app)}`;
      const path = `/callees/${encodeURIComponent(calleeNo)}${owner}`;
      const stored = await adminClient(context, options).send('PUT', path, { ...change, ...keys });
      const result = options.generateSecret === true ? { ...stored, webhook_secret: secret } : stored;
      answer(context, options, result, () => printRecord(context, withShortStatuses(result)));
    });
}

function addAnswerOptions(command: Command): void {
  command
    .option('--ack-status <list>', 'acknowledged by these HTTP statuses, such as 200,204 or 2xx')
    .option('--ack-text <text>', 'acknowledged by exactly this body')
    .option('--ack-json <path=value>', 'acknowledged by a value in the JSON answer, such as code=000 or ok:=true')
    .option('--never-status <list>', 'never tried again after these HTTP statuses')
    .option('--never-text <text>', 'nor after exactly this body; may be given again', repeated)
    .option('--never-json <path=value>', 'nor after this value in the JSON answer; may be given again', repeated)
    .option('--try-after-status <list>', 'Retry-After counts with these statuses (default: 429,503)')
    .option('--try-after-json <path>', 'where the JSON answer says in how many seconds to try again');
}

function addPaceOptions(command: Command): void {
  command
    .option('--delays <list>', 'waits between tries, such as 1s,3s,1m,1h')
    .option('--timeout <duration>', 'how long a try may take, at most the 15s of the relay')
    .option('--in-flight <count>', 'tries under way at once at most')
    .option('--rate <count>', 'tries begun in a second at most')
    .option('--circuit <failures,wait>', 'after so many failures in a row wait so long, such as 10,30s; or off')
    .option('--ordering-path <path>', 'messages with the same value there go one after another, such as data.flow_id')
    .option('--ordering-header <name>', 'the same by a header of the request to the relay')
    .option('--latest-only', 'of those that wait behind one value, only the last is sent')
    .option('--no-latest-only', 'all of them are sent');
}

function addKeyOptions(command: Command): void {
  command
    .addOption(
      new Option('--sign-type <type>', "the envelope's signature: RSA is SHA1withRSA, RSA2 SHA256withRSA").choices([
        'RSA',
        'RSA2',
      ]),
    )
    .option('--webhook-secret <secret>', "Standard Webhooks secret of its own (whsec_…; default: the application's)")
    .addOption(new Option('--generate-secret', 'make such a secret and print it').conflicts('webhookSecret'))
    .option('--body-key <file>', "RSA private key (PEM) that signs the envelope (default: the application's)")
    .option('--client-cert <file>', 'certificate (PEM) to show to the destination in TLS; with --client-key')
    .option('--client-key <file>', 'its private key (PEM)')
    .option('--authority <file>', "the only authorities (PEM) of the destination's own certificate")
    .option('--encrypt-to <file>', 'RSA public key or certificate (PEM) to which bodies are encrypted (JWE)')
    .option('--encrypt-key-id <id>', 'its kid in the JWE header');
}

function cleared(list: string | undefined): Record<string, null | false> {
  const names = list?.split(',').map((name) => name.trim()) ?? [];
  return Object.assign(
    {},
    ...names.map((name) => {
      const nothing = Object.hasOwn(CLEARED, name) ? CLEARED[name] : undefined;
      if (nothing === undefined) throw new CliError(`--clear ${name}: one of ${Object.keys(CLEARED).join(', ')}`);
      return nothing;
    }),
  ) as Record<string, null | false>;
}

function plainChange(options: SetOptions): Record<string, unknown> {
  const { ackStatus: status, ackText: text, ackJson: json } = options;
  return {
    url: options.url,
    url_pinning: options.urlPinning,
    profile: options.profile,
    sign_type: options.signType,
    acknowledge: answerRule('--ack', { status, text, json }),
    refuse: refuseRules(options),
    retry_after: retryAfterRule(options),
    delays_ms: options.delays?.split(',').map((part) => durationMs(part.trim())),
    attempt_timeout_ms: options.timeout === undefined ? undefined : durationMs(options.timeout),
    in_flight_max: numberOf('--in-flight', options.inFlight),
    rate_per_second: numberOf('--rate', options.rate),
    circuit: circuitOf(options.circuit),
    ordering_key_path: options.orderingPath,
    ordering_key_header: options.orderingHeader,
    latest_only: options.latestOnly,
    enabled: options.disable === true ? false : options.enable,
  };
}

/** One rule for each of the options; any one of them that fits is enough. */
function refuseRules({ neverStatus, neverText = [], neverJson = [] }: SetOptions): unknown[] | undefined {
  const rules = [
    answerRule('--never', { status: neverStatus }),
    ...neverText.map((text) => answerRule('--never', { text })),
    ...neverJson.map((json) => answerRule('--never', { json })),
  ].filter((rule) => rule !== undefined);
  return rules.length === 0 ? undefined : rules;
}

function retryAfterRule({ tryAfterStatus, tryAfterJson }: SetOptions): Record<string, unknown> | undefined {
  if (tryAfterStatus === undefined && tryAfterJson === undefined) return undefined;
  const statuses = tryAfterStatus === undefined ? undefined : parseStatuses(tryAfterStatus);
  return present({ statuses, path: tryAfterJson });
}

function circuitOf(text: string | undefined): unknown {
  if (text === undefined || text === 'off') return text;
  const [, failures, wait] = /^(\d{1,5}),\s*(\S+)$/.exec(text) ?? [];
  if (failures === undefined || wait === undefined) throw new CliError('--circuit is written 10,30s, or off');
  return { failures: Number(failures), cool_down_ms: durationMs(wait) };
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw new CliError(`${option} ${text}: a number`);
  return Number(text);
}

async function keyChange(context: CliContext, options: SetOptions): Promise<Record<string, unknown>> {
  const { bodyKey, clientCert, clientKey, authority, encryptTo, encryptKeyId } = options;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new CliError('--client-cert and --client-key belong together');
  }
  if (encryptKeyId !== undefined && encryptTo === undefined) throw new CliError('--encrypt-key-id needs --encrypt-to');
  const textOf = async (file: string): Promise<string> =>
    readFile(resolve(context.cwd, file), 'utf8').catch((error: unknown) => {
      throw new CliError(`cannot read ${file}`, { cause: error });
    });
  return present({
    body_private_key: bodyKey === undefined ? undefined : await textOf(bodyKey),
    client_certificate:
      clientCert === undefined || clientKey === undefined
        ? undefined
        : { certificate: await textOf(clientCert), private_key: await textOf(clientKey) },
    authority: authority === undefined ? undefined : await textOf(authority),
    encryption:
      encryptTo === undefined
        ? undefined
        : { algorithm: 'RSA-OAEP-256', public_key: await textOf(encryptTo), ...present({ key_id: encryptKeyId }) },
  });
}

function present(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}
