import { InvalidArgumentError, Option, type Command } from 'commander';
import { adminClient, withClientOptions, type ClientOptions } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printRecord, type Row } from './print.ts';

interface SigningOptions extends ClientOptions {
  readingSeconds?: number;
  defaultReading?: boolean;
  endMessages?: 'on' | 'off';
}

/** `yinxin app signing`: what an application settles for its signers. */
export function addAppSigning(app: Command, context: CliContext): void {
  withClientOptions(app.command('signing <app_id>').description('how people sign what this application sends'))
    .option('--reading-seconds <n>', 'for so long a document must be open before it can be signed', seconds)
    .option('--default-reading', 'as long as the service has it (YINXIN_SIGN_READING_SECONDS)')
    .addOption(new Option('--end-messages <state>', 'whether signers are told how it ended').choices(['on', 'off']))
    .action(async (appId: string, options: SigningOptions) => {
      const { readingSeconds, defaultReading = false, endMessages } = options;
      if (readingSeconds !== undefined && defaultReading) {
        throw new CliError('give --reading-seconds or --default-reading, not both');
      }
      const client = adminClient(context, options);
      const path = `/apps/${encodeURIComponent(appId)}/signing`;
      let result: Row | undefined;
      if (readingSeconds !== undefined) {
        result = await client.send('PUT', `${path}/reading-time`, { seconds: readingSeconds });
      }
      if (defaultReading) result = await client.send('DELETE', `${path}/reading-time`);
      if (endMessages !== undefined) {
        result = await client.send(endMessages === 'on' ? 'PUT' : 'DELETE', `${path}/end-messages`);
      }
      const shown = result ?? (await client.get(path));
      answer(context, options, shown, () => printRecord(context, shown));
    });
}

function seconds(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of seconds.');
  return Number(text);
}
