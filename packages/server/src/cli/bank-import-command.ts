import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { adminClient, lastOf, withClientOptions, type ClientOptions, type Step } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, type Row } from './print.ts';

// Spelled out here, so that the command line does not load the bank for them; the server checks them.
export const FORMATS = ['camt052', 'camt053', 'camt054', 'mt940', 'csv'];
export const ENCODINGS = ['auto', 'utf-8', 'gb18030'];
export const INFORMATION = ['untrusted', 'subfields', 'codewords', 'labels'];

const BROKEN_OFF = 'the service broke off; import the file again, what is known does no harm';
const FAULTS_SHOWN_MAX = 20;
const BAR_COLUMNS = 30;

interface ImportOptions extends ClientOptions {
  channel: string;
  format?: string;
  encoding?: string;
  map?: string;
  information?: string;
}

/** `yinxin bank import FILE`: sends a statement and shows how far its import is. */
export function addStatementCommand(bank: Command, context: CliContext): void {
  withClientOptions(bank.command('import <file>').description('read a statement; lines that are known do no harm'))
    .requiredOption('--channel <channel>', 'whose statement it is')
    .addOption(new Option('--format <format>', "default: the channel's").choices(FORMATS))
    .addOption(new Option('--encoding <encoding>', "default: the channel's, or auto").choices(ENCODINGS))
    .option('--map <list>', 'CSV columns, such as payer=对方户名,amount=贷方金额')
    .addOption(
      new Option('--information <shape>', "of the payer in MT940's field 86; default: the channel's").choices(
        INFORMATION,
      ),
    )
    .action(async (name: string, options: ImportOptions) => {
      const file = resolve(context.cwd, name);
      const found = await stat(file).catch((error: unknown) => {
        throw new CliError(`cannot read ${file}`, { cause: error });
      });
      if (!found.isFile()) throw new CliError(`${file} is no file`);
      const path = `/bank/channels/${encodeURIComponent(options.channel)}/statements`;
      const { format, encoding, map, information } = options;
      const steps = adminClient(context, options).upload(path, file, {
        file_name: basename(file),
        format,
        encoding,
        map,
        information,
      });
      const result = await lastOf(steps, BROKEN_OFF, (step) => context.progress?.(bar(step, found.size)));
      context.progress?.('');
      answer(context, options, result, () => printResult(context, result));
      if (result['complete'] !== true) throw new CliError('the file breaks off; what stands before is imported');
    });
}

/** `[=====     ]  50 %  1234 lines`. */
export function bar({ bytes, lines }: Step, size: number): string {
  const part = Math.min(1, Number(bytes) / Math.max(1, size));
  const done = Math.round(part * BAR_COLUMNS);
  const percent = String(Math.floor(part * 100)).padStart(3);
  return `[${'='.repeat(done)}${' '.repeat(BAR_COLUMNS - done)}] ${percent} %  ${String(lines)} lines`;
}

function printResult(context: CliContext, { faults, ...counts }: Row): void {
  printRecord(context, counts);
  const all = Array.isArray(faults) ? (faults as Row[]) : [];
  for (const fault of all.slice(0, FAULTS_SHOWN_MAX)) {
    context.out(`line ${String(fault['line'])}: ${String(fault['reason'])}`);
  }
  const more = Number(counts['fault_count']) - Math.min(all.length, FAULTS_SHOWN_MAX);
  if (more > 0) context.out(`and ${more} more; --json shows the first thousand`);
}
