import { Command, CommanderError } from 'commander';
import { addAppCommands } from './app-commands.ts';
import { addAuditCommands } from './audit-commands.ts';
import { addBankCommands } from './bank-commands.ts';
import { addCallbackCommands } from './callback-commands.ts';
import { addCalleeCommands } from './callee-commands.ts';
import type { CliContext } from './context.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { describeFailure } from './failures.ts';
import { addFlowCommands } from './flow-commands.ts';
import { addLaneCommands } from './lane-commands.ts';
import { addOpenapiCommand } from './openapi-command.ts';
import { addOrgCommands } from './org-commands.ts';
import { addSealCommands } from './seal-commands.ts';
import { addServeCommands } from './serve-command.ts';
import { addSubscriptionCommands } from './subscription-commands.ts';
import { addTrustCommands } from './trust-commands.ts';
import { addVerificationCommands } from './verification-commands.ts';
import { addVerifyCommand } from './verify-command.ts';

/** The whole command line. */
export function buildProgram(context: CliContext, version: string): Command {
  const program = new Command('yinxin')
    .description('Yinxin 印信: a self-hosted e-signature gateway')
    .version(version)
    .showHelpAfterError('(add --help for the options)')
    .configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.err(text.trimEnd()),
    })
    .exitOverride();
  addServeCommands(program, context);
  addDemoCommand(program, context);
  addAppCommands(program, context);
  addCalleeCommands(program, context);
  addCallbackCommands(program, context);
  addLaneCommands(program, context);
  addSubscriptionCommands(program, context);
  addOrgCommands(program, context);
  addVerificationCommands(program, context);
  addSealCommands(program, context);
  addFlowCommands(program, context);
  addBankCommands(program, context);
  addTrustCommands(program, context);
  addVerifyCommand(program, context);
  addAuditCommands(program, context);
  addDoctorCommand(program, context);
  addOpenapiCommand(program, context, version);
  for (const command of allCommands(program)) command.exitOverride();
  return program;
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((inner) => [inner, ...allCommands(inner)]);
}

/**
 * Runs one command line and answers its exit code: 0 done, 1 could not, 2 not understood. What a person can mend is
 * told in a line; only what nobody foresaw shows a stack.
 */
export async function runCommandLine(argv: readonly string[], context: CliContext, version: string): Promise<number> {
  try {
    await buildProgram(context, version).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { exitCode, lines } = describeFailure(error);
    for (const line of lines) context.err(line);
    return exitCode;
  }
}
