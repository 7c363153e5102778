import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface RootFileOptions extends ClientOptions {
  rootFile?: string;
  passphraseFile?: string;
}

const AUTHORITY_COLUMNS = ['authority_id', 'issuer', 'key', 'has_key', 'not_after', 'state'];
const CERTIFICATE_COLUMNS = [
  'serial_number',
  'holder_kind',
  'holder',
  'name',
  'issuer',
  'key_store',
  'not_after',
  'state',
];
const REASONS =
  'key_compromise, affiliation_changed, superseded, cessation_of_operation, privilege_withdrawn, unspecified';

/** `yinxin trust …`: the built-in authority, certificates, and companies' certificates of other authorities. */
export function addTrustCommands(program: Command, context: CliContext): void {
  const trust = program.command('trust').description('keys and certificates that sign documents');
  withClientOptions(
    trust.command('list').description('the authorities, and whether their keys are in the service'),
  ).action(async (options: ClientOptions) => {
    const result = await adminClient(context, options).get('/trust/authorities');
    printAuthorities(context, options, result);
  });
  addRootCommands(trust, context);
  addIssuingCommands(trust, context);
  addCertificateCommands(trust, context);
  addCompanyCommands(trust, context);
}

function addRootCommands(trust: Command, context: CliContext): void {
  const root = trust
    .command('root')
    .description('the root, whose private key belongs into a safe and not into the service');

  withClientOptions(root.command('show').description('its certificate in PEM, for those who shall trust it')).action(
    async (options: ClientOptions) => {
      const result = await adminClient(context, options).get('/trust/root');
      answer(context, options, result, () => context.out(String(result['certificate']).trimEnd()));
    },
  );

  withClientOptions(
    root.command('export <file>').description('write its certificate and its key, encrypted, to a file'),
  )
    .requiredOption('--passphrase-file <file>', 'a file with the passphrase, 12 characters at least')
    .action(async (file: string, options: ClientOptions & { passphraseFile: string }) => {
      const passphrase = await passphraseOf(context, options.passphraseFile);
      const result = await adminClient(context, options).send('POST', '/trust/root/export', { passphrase });
      const path = resolve(context.cwd, file);
      await writeFile(path, String(result['pem']), { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
        throw new CliError(`cannot write ${path}; does a file stand there already?`, { cause: error });
      });
      answer(context, options, { file: path }, () =>
        context.out(`written to ${path}; take the key out of the service with \`yinxin trust root take-out\``),
      );
    });

  withClientOptions(
    root
      .command('take-out')
      .description('erase its key from the service, once the exported file has shown that it opens'),
  )
    .requiredOption('--root-file <file>', 'what `yinxin trust root export` wrote')
    .requiredOption('--passphrase-file <file>', 'a file with its passphrase')
    .action(async (options: RootFileOptions) => {
      const body = await rootFileOf(context, options);
      const result = await adminClient(context, options).send('POST', '/trust/root/take-out', body);
      printAuthorities(context, options, result);
    });

  withClientOptions(root.command('bring-back').description('give its key back to the service'))
    .requiredOption('--root-file <file>', 'what `yinxin trust root export` wrote')
    .requiredOption('--passphrase-file <file>', 'a file with its passphrase')
    .action(async (options: RootFileOptions) => {
      const body = await rootFileOf(context, options);
      const result = await adminClient(context, options).send('POST', '/trust/root/bring-back', body);
      printAuthorities(context, options, result);
    });

  withRootFile(
    withClientOptions(
      root.command('list').description('sign its revocation list anew; once a year where its key is out'),
    ),
  ).action(async (options: RootFileOptions) => {
    const body = { ...(options.rootFile !== undefined && { root_file: await rootFileOf(context, options) }) };
    const result = await adminClient(context, options).send('POST', '/trust/root/list', body);
    answer(context, options, result, () => printRecord(context, result));
  });

  withClientOptions(
    root
      .command('renew')
      .description('give a root from before there were issuing authorities a certificate that allows them'),
  ).action(async (options: ClientOptions) => {
    const result = await adminClient(context, options).send('POST', '/trust/root/renewal');
    printAuthorities(context, options, result);
  });
}

function addIssuingCommands(trust: Command, context: CliContext): void {
  const issuing = trust.command('issuing').description('the authority below the root, which issues certificates');
  withRootFile(withClientOptions(issuing.command('renew').description('make the next one, which issues from now on')))
    .option('--revoke <reason>', 'revoke the one before: key_compromise or superseded')
    .action(async (options: RootFileOptions & { revoke?: string }) => {
      const body = {
        ...(options.rootFile !== undefined && { root_file: await rootFileOf(context, options) }),
        ...(options.revoke !== undefined && { revoke: options.revoke }),
      };
      const result = await adminClient(context, options).send('POST', '/trust/issuing/renewal', body);
      printAuthorities(context, options, result);
    });
}

function addCertificateCommands(trust: Command, context: CliContext): void {
  const certificate = trust.command('certificate').description('certificates of companies and people');

  withClientOptions(certificate.command('list').description('the newest first'))
    .option('--app <app_id>', 'of one application')
    .option('--holder <key>', 'of one company or person')
    .option('--limit <n>', 'how many (default: 50)')
    .action(async (options: ClientOptions & { app?: string; holder?: string; limit?: string }) => {
      const query = { app_id: options.app, holder: options.holder, limit: options.limit };
      const result = await adminClient(context, options).get('/trust/certificates', query);
      answer(context, options, result, () =>
        printTable(
          context,
          result['certificates'] as Row[],
          CERTIFICATE_COLUMNS,
          'none yet; a certificate is issued at the first signature',
        ),
      );
    });

  withClientOptions(certificate.command('revoke <serial_number>').description('take its word back, for good'))
    .requiredOption('--reason <reason>', REASONS)
    .requiredOption('--note <text>', 'what happened; goes into the audit')
    .action(async (serialNumber: string, options: ClientOptions & { reason: string; note: string }) => {
      const path = `/trust/certificates/${encodeURIComponent(serialNumber)}/revocation`;
      const body = { reason: options.reason, note: options.note };
      const result = await adminClient(context, options).send('POST', path, body);
      answer(context, options, result, () => printRecord(context, result));
    });
}

interface ImportOptions extends ClientOptions {
  pkcs12?: string;
  passphraseFile?: string;
  keepInFile?: boolean;
  pkcs11?: string;
  certificates?: string;
}

function addCompanyCommands(trust: Command, context: CliContext): void {
  const company = trust.command('company').description("companies' certificates of other authorities");

  withClientOptions(
    company.command('import <etc_org_no>').description('let a company sign with a certificate of another authority'),
  )
    .option('--pkcs12 <name>', 'a PKCS#12 file in the folder keys of the data directory')
    .option('--passphrase-file <file>', 'a file with its passphrase')
    .option('--keep-in-file', 'leave the key in the file; without it the key goes into the database, sealed')
    .option('--pkcs11 <uri>', 'a key in the token: pkcs11:token=LABEL;object=LABEL')
    .option('--certificates <file>', "with --pkcs11: the company's certificate and its issuers' in PEM")
    .action(async (etcOrgNo: string, options: ImportOptions) => {
      const body = await sourceOf(context, options);
      const path = `/trust/companies/${encodeURIComponent(etcOrgNo)}`;
      const result = await adminClient(context, options).send('PUT', path, body);
      answer(context, options, result, () => printRecord(context, result));
    });

  withClientOptions(
    company.command('release <etc_org_no>').description('let the built-in authority issue to the company again'),
  ).action(async (etcOrgNo: string, options: ClientOptions) => {
    const path = `/trust/companies/${encodeURIComponent(etcOrgNo)}`;
    const result = await adminClient(context, options).send('DELETE', path);
    answer(context, options, result, () => printRecord(context, result));
  });
}

async function sourceOf(context: CliContext, options: ImportOptions): Promise<Record<string, unknown>> {
  if (options.pkcs11 !== undefined && options.certificates !== undefined && options.pkcs12 === undefined) {
    return { pkcs11: options.pkcs11, certificates: await textOf(context, options.certificates) };
  }
  if (options.pkcs12 !== undefined && options.passphraseFile !== undefined && options.pkcs11 === undefined) {
    return {
      pkcs12_file: options.pkcs12,
      passphrase: await passphraseOf(context, options.passphraseFile),
      ...(options.keepInFile === true && { keep_in_file: true }),
    };
  }
  throw new CliError('give --pkcs12 with --passphrase-file, or --pkcs11 with --certificates');
}

function withRootFile(command: Command): Command {
  return command
    .option('--root-file <file>', "what `yinxin trust root export` wrote, where the root's key is not in the service")
    .option('--passphrase-file <file>', 'a file with its passphrase');
}

async function rootFileOf(context: CliContext, options: RootFileOptions): Promise<{ pem: string; passphrase: string }> {
  if (options.rootFile === undefined || options.passphraseFile === undefined) {
    throw new CliError('give --root-file and --passphrase-file');
  }
  const pem = await textOf(context, options.rootFile);
  return { pem, passphrase: await passphraseOf(context, options.passphraseFile) };
}

async function passphraseOf(context: CliContext, file: string): Promise<string> {
  return (await textOf(context, file)).replace(/\r?\n$/, '');
}

async function textOf(context: CliContext, file: string): Promise<string> {
  const path = resolve(context.cwd, file);
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError(`cannot read ${path}`, { cause: error });
  });
}

function printAuthorities(context: CliContext, options: ClientOptions, result: Row): void {
  answer(context, options, result, () =>
    printTable(context, result['authorities'] as Row[], AUTHORITY_COLUMNS, 'no authority yet'),
  );
}
