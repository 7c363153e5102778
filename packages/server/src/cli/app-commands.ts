import { generateKeyPair } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { addAppSigning } from './app-signing-command.ts';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface CreateOptions extends ClientOptions {
  name: string;
  publicKey?: string;
  generateKey?: string;
  signType?: string;
  allowIp?: string[];
  notifyUrl?: string;
  grant?: string[];
  notifyCode?: string;
  allowWeakKey?: boolean;
  refuseNestedParams?: boolean;
  ratePerSecond?: number;
}

/** `yinxin app …`: the applications that may call. */
export function addAppCommands(program: Command, context: CliContext): void {
  const app = program.command('app').description('calling applications: keys, secrets, permissions');
  addCreate(app, context);
  addQuota(app, context);
  addAppSigning(app, context);

  withClientOptions(app.command('list').description('all applications')).action(async (options: ClientOptions) => {
    const result = await adminClient(context, options).get('/apps');
    answer(context, options, result, () =>
      printTable(
        context,
        result['apps'] as Row[],
        ['app_id', 'name', 'sign_type', 'notify_url', 'disabled_at', 'created_at'],
        'no applications yet; make one with `yinxin app create`',
      ),
    );
  });

  const one = (
    name: string,
    description: string,
    call: (path: string, options: ClientOptions) => Promise<Row>,
  ): void => {
    withClientOptions(app.command(`${name} <app_id>`).description(description)).action(
      async (appId: string, options: ClientOptions) => {
        const result = await call(`/apps/${encodeURIComponent(appId)}`, options);
        answer(context, options, result, () => printRecord(context, result));
      },
    );
  };
  one('show', 'one application', async (path, options) => adminClient(context, options).get(path));
  one('rotate-secret', 'a new app_secret; the old one ends at once', async (path, options) =>
    adminClient(context, options).send('POST', `${path}/secrets`),
  );
  one('disable', 'refuse every call of this application', async (path, options) =>
    adminClient(context, options).send('PUT', `${path}/disabled`),
  );
  one('enable', 'let a disabled application call again', async (path, options) =>
    adminClient(context, options).send('DELETE', `${path}/disabled`),
  );
}

function addCreate(app: Command, context: CliContext): void {
  const collect = (value: string, previous: string[] | undefined): string[] => [...(previous ?? []), value];
  withClientOptions(app.command('create').description('register an application and get its secrets, shown this once'))
    .requiredOption('--name <name>', 'what people call it')
    .option('--public-key <file>', "the application's RSA public key or certificate (PEM, or Base64 of the DER)")
    .option(
      '--generate-key <dir>',
      'make an RSA-2048 key pair here and write it into DIR; the private key is never sent',
    )
    .addOption(new Option('--sign-type <type>', 'RSA is SHA1withRSA, RSA2 is SHA256withRSA').choices(['RSA', 'RSA2']))
    .option('--allow-ip <cidr>', 'address or CIDR that may call; repeat for more', collect)
    .option('--notify-url <url>', 'where notifications go that name no URL of their own')
    .option('--grant <api code>', 'an api code it may call; repeat for more (default: all)', collect)
    .addOption(
      new Option('--notify-code <code>', 'api_callback_code of a finished flow').choices([
        'sign_process',
        'auth_process',
      ]),
    )
    .option('--allow-weak-key', 'accept an RSA key of 1024 bits, as some existing clients have')
    .option('--refuse-nested-params', 'refuse unsigned nested params in the older dialect')
    .option('--rate-per-second <n>', 'requests a second at most', wholeNumber)
    .action(async (options: CreateOptions) => {
      const client = adminClient(context, options);
      const key = await publicKeyOf(context, options);
      const send = client.send('POST', '/apps', {
        name: options.name,
        public_key: key.publicKey,
        sign_type: options.signType,
        allow_ips: options.allowIp,
        notify_url: options.notifyUrl,
        grants: options.grant,
        notify_code: options.notifyCode,
        allow_weak_key: options.allowWeakKey,
        refuse_nested_params: options.refuseNestedParams,
        rate_per_second_max: options.ratePerSecond,
      });
      const result = await send.catch(async (error: unknown) => {
        await key.discard();
        throw error;
      });
      const whole = key.file === undefined ? result : { ...result, private_key_file: key.file };
      answer(context, options, whole, () => {
        printRecord(context, whole);
        context.out('\nKeep app_secret and webhook_secret now: they are not shown again.');
      });
    });
}

interface QuotaOptions extends ClientOptions {
  set?: number;
  add?: number;
  unlimited?: boolean;
}

function addQuota(app: Command, context: CliContext): void {
  withClientOptions(app.command('quota <app_id>').description('contracts that an application may still begin'))
    .option('--set <n>', 'so many are left from now on', wholeNumber)
    .option('--add <n>', 'so many more', wholeNumber)
    .option('--unlimited', 'as many as it likes, as it is where nothing was ever set')
    .action(async (appId: string, options: QuotaOptions) => {
      const { set, add, unlimited } = options;
      if ([set, add, unlimited].filter((option) => option !== undefined).length > 1) {
        throw new CliError('give one of --set, --add and --unlimited');
      }
      const client = adminClient(context, options);
      const path = `/apps/${encodeURIComponent(appId)}/quota`;
      const call = async (): Promise<Row> => {
        if (set !== undefined) return client.send('PUT', path, { contracts: set });
        if (add !== undefined) return client.send('POST', `${path}/additions`, { contracts: add });
        return unlimited === true ? client.send('DELETE', path) : client.get(path);
      };
      const result = await call();
      answer(context, options, result, () => printRecord(context, result));
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

interface ClientKey {
  publicKey: string;
  /** The private key's file, where it was made here. */
  file?: string;
  /** Removes a key made here: the application it was for does not exist, and the next try wants the same place. */
  discard(): Promise<void>;
}

const makeKeyPair = promisify(generateKeyPair);

async function publicKeyOf(context: CliContext, options: CreateOptions): Promise<ClientKey> {
  const { publicKey: given, generateKey: directory } = options;
  if ((given === undefined) === (directory === undefined)) {
    throw new CliError('give either --public-key FILE or --generate-key DIR');
  }
  if (given !== undefined) {
    const publicKey = await readFile(resolve(context.cwd, given), 'utf8').catch((error: unknown) => {
      throw new CliError(`cannot read ${given}`, { cause: error });
    });
    return { publicKey, discard: async () => {} };
  }
  return makeKey(resolve(context.cwd, directory ?? ''));
}

async function makeKey(dir: string): Promise<ClientKey> {
  const file = join(dir, 'private-key.pem');
  const pair = await makeKeyPair('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const publicFile = join(dir, 'public-key.pem');
  const cannotWrite = (error: unknown): never => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    const reason = code === 'EEXIST' ? 'does a key stand there already?' : code;
    throw new CliError(`cannot write ${file}: ${reason}`, { cause: error });
  };
  await mkdir(dir, { recursive: true }).catch((error: unknown) => {
    throw new CliError(`cannot make the directory ${dir}`, { cause: error });
  });
  await writeFile(file, pair.privateKey, { mode: 0o600, flag: 'wx' }).catch(cannotWrite);
  await chmod(file, 0o600);
  await writeFile(publicFile, pair.publicKey).catch(cannotWrite);
  return {
    publicKey: pair.publicKey,
    file,
    discard: async () => {
      await Promise.all([file, publicFile].map((path) => rm(path, { force: true })));
    },
  };
}
