import type { Command } from 'commander';
import type { CliContext } from './context.ts';

/** `yinxin openapi`: the description of every route, for generators of clients. */
export function addOpenapiCommand(program: Command, context: CliContext, version: string): void {
  program
    .command('openapi')
    .description('print the OpenAPI description of every route')
    .action(async () => {
      const { describeRoutes } = await import('../service/openapi.ts');
      context.out(JSON.stringify(await describeRoutes(version), null, 2));
    });
}
