import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

const REASON_HELP = 'why; it goes into the audit';

/** `yinxin verification …` and `yinxin register …`: company verification for operators. */
export function addVerificationCommands(program: Command, context: CliContext): void {
  const verification = program.command('verification').description('company verifications');
  addLooks(verification, context);
  addActs(verification, context);
  addLetterCommands(verification, context);

  const subbranches = verification.command('subbranches <file>');
  addImport(
    subbranches.description('bank branches from a CSV file: cnaps_code, bank_name, bank, province, city'),
    context,
    {
      path: '/subbranches',
    },
  );
  const register = program.command('register').description('the company register that factors are compared with');
  const imported = register.command('import <file>');
  addImport(
    imported.description('companies from a CSV file: org_code, name, legal_rep_name, legal_rep_id, status'),
    context,
    { path: '/register' },
  );
}

function pathOf(flowId: string, rest = ''): string {
  return `/verifications/${encodeURIComponent(flowId)}${rest}`;
}

function addLooks(verification: Command, context: CliContext): void {
  withClientOptions(verification.command('list').description('verifications, the newest first'))
    .option('--app <app_id>', 'of one application')
    .option('--state <state>', 'open, verified, expired, cancelled or failed')
    .option('--letter-waiting', 'only those whose letter waits for a review')
    .option('--limit <n>', 'how many at most (default: 50)')
    .action(
      async (options: ClientOptions & { app?: string; state?: string; letterWaiting?: boolean; limit?: string }) => {
        const result = await adminClient(context, options).get('/verifications', {
          app_id: options.app,
          state: options.state,
          letter: options.letterWaiting === true ? 'waiting' : undefined,
          limit: options.limit,
        });
        answer(context, options, result, () =>
          printTable(
            context,
            result['verifications'] as Row[],
            ['flow_id', 'company_name', 'state', 'process', 'letter_status', 'app_id', 'created_at'],
            'no verifications yet; applications begin them with threeFactors or the member’s page',
          ),
        );
      },
    );

  withClientOptions(
    verification.command('show <flow_id>').description('one verification; numbers and a person who paid are masked'),
  )
    .option('--reveal', 'show them in full; goes into the audit with --reason')
    .option('--reason <text>', REASON_HELP)
    .action(async (flowId: string, options: ClientOptions & { reveal?: boolean; reason?: string }) => {
      const client = adminClient(context, options);
      if (options.reveal === true && options.reason === undefined) throw new CliError('--reveal needs a --reason');
      const result =
        options.reveal === true
          ? await client.send('POST', pathOf(flowId, '/reveal'), { reason: options.reason })
          : await client.get(pathOf(flowId));
      answer(context, options, result, () => printRecord(context, result));
    });
}

function addActs(verification: Command, context: CliContext): void {
  withClientOptions(verification.command('cancel <flow_id>').description('end an open verification'))
    .requiredOption('--reason <text>', `${REASON_HELP}, and the company reads it`)
    .action(async (flowId: string, options: ClientOptions & { reason: string }) => {
      const result = await adminClient(context, options).send('POST', pathOf(flowId, '/cancel'), {
        reason: options.reason,
      });
      answer(context, options, result, () => printRecord(context, result));
    });
}

function addLetterCommands(verification: Command, context: CliContext): void {
  const letter = verification.command('letter').description('letters of authorisation');

  withClientOptions(
    letter.command('open <flow_id>').description('take a letter into review and get a link to it'),
  ).action(async (flowId: string, options: ClientOptions) => {
    const result = await adminClient(context, options).send('POST', pathOf(flowId, '/letter/open'));
    answer(context, options, result, () => printRecord(context, result));
  });

  withClientOptions(
    letter.command('submit <flow_id> <file>').description('hand in a signed letter: a PDF, or a scan as PNG or JPEG'),
  ).action(async (flowId: string, file: string, options: ClientOptions) => {
    const body = await uploadOf(context, file);
    const result = await adminClient(context, options).send('PUT', pathOf(flowId, '/letter'), body);
    answer(context, options, result, () => printRecord(context, result));
  });

  for (const [act, description] of [
    ['accept', 'the letter holds; a payment that waited for it verifies the company'],
    ['refuse', 'the letter does not hold; the company reads the reason and may hand in another'],
  ] as const) {
    withClientOptions(letter.command(`${act} <flow_id>`).description(description))
      .requiredOption('--reason <text>', REASON_HELP)
      .action(async (flowId: string, options: ClientOptions & { reason: string }) => {
        const path = pathOf(flowId, `/letter/${act}`);
        const result = await adminClient(context, options).send('POST', path, { reason: options.reason });
        answer(context, options, result, () => printRecord(context, result));
      });
  }
}

function addImport(command: Command, context: CliContext, { path }: { path: string }): void {
  withClientOptions(command).action(async (file: string, options: ClientOptions) => {
    const result = await adminClient(context, options).send('PUT', path, await uploadOf(context, file));
    answer(context, options, result, () => printRecord(context, result));
  });
}

async function uploadOf(context: CliContext, file: string): Promise<{ file_name: string; base64: string }> {
  const bytes = await readFile(resolve(context.cwd, file)).catch((error: unknown) => {
    throw new CliError(`cannot read ${file}`, { cause: error });
  });
  return { file_name: basename(file), base64: bytes.toString('base64') };
}
