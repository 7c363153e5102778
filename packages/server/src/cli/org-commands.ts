import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

/** `yinxin org …`: companies, and an operator's word for one. */
export function addOrgCommands(program: Command, context: CliContext): void {
  const org = program.command('org').description('companies of the applications');

  withClientOptions(org.command('list').description('companies, the newest first'))
    .option('--app <app_id>', 'of one application')
    .action(async (options: ClientOptions & { app?: string }) => {
      const result = await adminClient(context, options).get('/orgs', { app_id: options.app });
      answer(context, options, result, () =>
        printTable(
          context,
          result['orgs'] as Row[],
          ['etc_org_no', 'org_name', 'auth_status', 'app_id', 'biz_org_no', 'created_at'],
          'no companies yet; applications make them with partner.org.create',
        ),
      );
    });

  withClientOptions(org.command('show <etc_org_no>').description('one company')).action(
    async (etcOrgNo: string, options: ClientOptions) => {
      const result = await adminClient(context, options).get(`/orgs/${encodeURIComponent(etcOrgNo)}`);
      answer(context, options, result, () => printRecord(context, result));
    },
  );

  withClientOptions(org.command('verify <etc_org_no>').description('vouch for a company; goes into the audit'))
    .requiredOption('--reason <text>', 'why you vouch: what you saw and where it is kept')
    .action(async (etcOrgNo: string, options: ClientOptions & { reason: string }) => {
      const path = `/orgs/${encodeURIComponent(etcOrgNo)}/verification`;
      const result = await adminClient(context, options).send('PUT', path, { reason: options.reason });
      answer(context, options, result, () => printRecord(context, result));
    });
}
