import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface SettingOptions extends ClientOptions {
  require?: boolean;
  waive?: boolean;
}
interface VerdictOptions extends ClientOptions {
  app: string;
  pass?: boolean;
  reject?: boolean;
  reason?: string;
}

/** `yinxin seal …`: which new seals wait for a review, and the verdict on one. */
export function addSealCommands(program: Command, context: CliContext): void {
  const seal = program.command('seal').description('reviews of company seals');

  withClientOptions(seal.command('pending <app_id>').description('seals that wait for a review'))
    .option('--require', 'from now on new seals of this application wait for one')
    .option('--waive', 'from now on they do not; those that wait go on waiting')
    .action(async (appId: string, options: SettingOptions) => {
      if (options.require === true && options.waive === true) throw new CliError('give --require or --waive, not both');
      const client = adminClient(context, options);
      const path = `/apps/${encodeURIComponent(appId)}/seal-review`;
      const call = async (): Promise<Row> => {
        if (options.require === true) return client.send('PUT', path);
        return options.waive === true ? client.send('DELETE', path) : client.get(path);
      };
      const result = await call();
      answer(context, options, result, () => {
        context.out(result['is_required'] === true ? 'new seals are reviewed' : 'new seals need no review');
        const columns = ['etc_org_no', 'seal_id', 'alias', 'created_at', 'seal_url'];
        printTable(context, result['pending'] as Row[], columns, 'no seal waits');
      });
    });

  withClientOptions(seal.command('review <etc_org_no> <seal_id>').description('let a seal pass, or reject it'))
    .requiredOption('--app <app_id>', "the company's application")
    .option('--pass', 'it may sign')
    .option('--reject', 'it may not sign')
    .option('--reason <text>', 'why; it goes into the audit')
    .action(async (etcOrgNo: string, sealId: string, options: VerdictOptions) => {
      if ((options.pass === true) === (options.reject === true)) throw new CliError('give either --pass or --reject');
      const parts = [options.app, 'orgs', etcOrgNo, 'seals', sealId, 'review'].map(encodeURIComponent);
      const body = { verdict: options.pass === true ? 'pass' : 'reject', reason: options.reason };
      const result = await adminClient(context, options).send('POST', `/apps/${parts.join('/')}`, body);
      answer(context, options, result, () => printRecord(context, result));
    });
}
