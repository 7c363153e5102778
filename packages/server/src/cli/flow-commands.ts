import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { addFlowCopyCommands } from './flow-copy-commands.ts';
import { answer, printRecord, printTable, type Row } from './print.ts';

/** `yinxin flow …`: sign flows for operators. */
export function addFlowCommands(program: Command, context: CliContext): void {
  const flow = program.command('flow').description('sign flows');
  addFlowCopyCommands(flow, context);

  withClientOptions(
    flow.command('stalled').description('flows that cannot go on until somebody acts, the longest waiting first'),
  )
    .option('--app <app_id>', 'whose flows')
    .option('--limit <count>', 'how many at most (100)')
    .action(async (options: ClientOptions & { app?: string; limit?: string }) => {
      const query = { app_id: options.app, limit: options.limit };
      const result = await adminClient(context, options).get('/flows/stalled', query);
      answer(context, options, result, () => {
        const flows = result['flows'] as Row[];
        const columns = ['app_id', 'flow_id', 'signer', 'reason', 'detail', 'since', 'attempts'];
        printTable(context, flows, columns, 'no flow is held up');
        const fixes = new Map(flows.map((row) => [String(row['reason']), String(row['fix'])]));
        for (const [reason, fix] of fixes) context.out(`${reason}: ${fix}`);
      });
    });

  withClientOptions(flow.command('evidence <flow_id>').description('the signed evidence report of a flow that ended'))
    .requiredOption('--out <file>', 'where the PDF goes')
    .action(async (flowId: string, options: ClientOptions & { out: string }) => {
      const bytes = await adminClient(context, options).download(`/flows/${encodeURIComponent(flowId)}/evidence`);
      const file = resolve(context.cwd, options.out);
      await writeFile(file, bytes).catch((error: unknown) => {
        throw new CliError(`cannot write ${options.out}`, { cause: error });
      });
      const result = { flow_id: flowId, file, bytes: bytes.length };
      answer(context, options, result, () => printRecord(context, result));
    });
}
