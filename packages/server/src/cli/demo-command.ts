import type { Command } from 'commander';
import { CliError, type CliContext } from './context.ts';
import { stopSignal } from './serve-command.ts';

/** `yinxin demo`: the whole way from an empty directory to a signed contract, on this machine alone. */
export function addDemoCommand(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('sign a contract before your eyes, in a temporary directory; stays up until Ctrl-C')
    .option('--once', 'end after the last step; exit code 0 only if every step held')
    .option('--keep', "leave the service's data in place at the end, beside the signed contract")
    .action(async (options: { once?: boolean; keep?: boolean }) => {
      const { runDemo } = await import('../demo/demo.ts');
      const once = options.once === true;
      const outcome = await runDemo(context, {
        stopped: stopSignal(),
        once,
        colours: process.stdout.isTTY,
        keep: options.keep === true,
      });
      if (outcome === 'failed') throw new CliError('a step did not hold');
      if (outcome === 'stopped') throw new CliError('stopped before the last step');
    });
}
