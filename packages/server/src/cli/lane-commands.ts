import type { Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import type { CliContext } from './context.ts';
import { answer, printTable, type Row } from './print.ts';

interface LaneOptions extends ClientOptions {
  app?: string;
  callee?: string;
}

/** `yinxin lane …`: destinations as their messages find them. */
export function addLaneCommands(program: Command, context: CliContext): void {
  const lane = program.command('lane').description('destinations with something under way: backlog and circuit');

  withClientOptions(lane.command('list').description('the longest backlog first'))
    .option('--app <app_id>', "whose destinations; '*' for those shared by all")
    .option('--callee <callee_no>', 'one registered destination: of --app, or shared by all')
    .action(async (options: LaneOptions) => {
      const query = { app_id: options.app, callee_no: options.callee };
      const result = await adminClient(context, options).get('/lanes', query);
      answer(context, options, result, () =>
        printTable(
          context,
          result['lanes'] as Row[],
          [
            'lane',
            'waiting',
            'leased',
            'queued',
            'parked',
            'oldest_accepted_at',
            'circuit',
            'circuit_reason',
            'probe_at',
            'enabled',
          ],
          'nothing is under way and every circuit is closed',
        ),
      );
    });
}
