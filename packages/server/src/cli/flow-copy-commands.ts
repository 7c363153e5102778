import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

interface AddOptions extends ClientOptions {
  name: string;
  mobile?: string;
  email?: string;
}

/** `yinxin flow copy …`: who does not sign and gets the signed document. */
export function addFlowCopyCommands(flow: Command, context: CliContext): void {
  const copy = flow.command('copy').description('people who get the signed document and do not sign it');
  const pathOf = (flowId: string): string => `/flows/${encodeURIComponent(flowId)}/copies`;

  withClientOptions(copy.command('add <flow_id>').description('send them the document when all have signed, or now'))
    .requiredOption('--name <name>', 'who they are')
    .option('--mobile <mobile>', 'where link and code go: 11 digits')
    .option('--email <address>', 'where link and code go, beside a mobile or without one')
    .action(async (flowId: string, options: AddOptions) => {
      const { name, mobile, email } = options;
      const result = await adminClient(context, options).send('POST', pathOf(flowId), { name, mobile, email });
      answer(context, options, result, () => printRecord(context, result));
    });

  withClientOptions(copy.command('list <flow_id>').description('who gets a copy, and what they did with it')).action(
    async (flowId: string, options: ClientOptions) => {
      const result = await adminClient(context, options).get(pathOf(flowId));
      const columns = ['copy_id', 'name', 'mobile', 'email', 'added_at', 'sent_at', 'opened_at', 'downloaded_at'];
      answer(context, options, result, () =>
        printTable(context, result['copies'] as Row[], columns, 'nobody gets a copy'),
      );
    },
  );

  withClientOptions(
    copy.command('remove <flow_id> <copy_id>').description('take a copy back; what is known of them is erased'),
  ).action(async (flowId: string, copyId: string, options: ClientOptions) => {
    const path = `${pathOf(flowId)}/${encodeURIComponent(copyId)}`;
    const result = await adminClient(context, options).send('DELETE', path);
    answer(context, options, result, () => printRecord(context, result));
  });
}
