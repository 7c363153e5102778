import type { Command } from 'commander';
import { adminClient, lastOf, withClientOptions, type ClientOptions, type Step } from './client.ts';
import { CliError, type CliContext } from './context.ts';
import { answer, printTable, type Row } from './print.ts';

interface VerifyOptions extends ClientOptions {
  app?: string;
}

const FAULTS_SHOWN_MAX = 50;

/** `yinxin audit …`: whether the record is as it was written. */
export function addAuditCommands(program: Command, context: CliContext): void {
  const audit = program.command('audit').description('the hash-chained record of what was done and attempted');

  withClientOptions(
    audit
      .command('verify')
      .description(
        'recompute every hash of the chains and name what was changed, added or taken out; code 1 if any was',
      ),
  )
    .option('--app <app_id>', 'of one application (default: all)')
    .action(async (options: VerifyOptions) => {
      const steps = adminClient(context, options).follow('GET', '/audit/verification', { app_id: options.app });
      const result = await lastOf(steps, 'the service broke off; verify again', (step) => {
        if (step['chain'] !== undefined) context.progress?.(progressLine(step));
      });
      context.progress?.('');
      const apps = result['apps'] as Row[];
      answer(context, options, result, () => printApps(context, apps));
      const faults = Number(result['fault_count']);
      if (faults > 0)
        throw new CliError(`the record is not as it was written: ${faults} ${faults === 1 ? 'fault' : 'faults'}`);
    });
}

function progressLine({ app_id: appId, chain, done, total }: Step): string {
  return `${String(appId)}: ${String(done)} of ${String(total)} ${chain === 'audit' ? 'entries' : 'links'}`;
}

function printApps(context: CliContext, apps: readonly Row[]): void {
  const rows = apps.map((app) => {
    const audit = app['audit'] as Row;
    const attempts = app['attempts'] as Row;
    const faults = Number(attempts['fault_count']) + (audit['fault'] === null ? 0 : 1);
    return {
      app_id: app['app_id'],
      entries: audit['entries'],
      links: attempts['links'],
      attempts: attempts['attempts'],
      holds: faults === 0 ? 'yes' : `no, ${faults}`,
    };
  });
  printTable(context, rows, ['app_id', 'entries', 'links', 'attempts', 'holds'], 'nothing is recorded yet');
  for (const app of apps) {
    const appId = String(app['app_id']);
    for (const line of remarksOf(app['attempts'] as Row)) context.out(`${appId}: ${line}`);
    const fault = (app['audit'] as Row)['fault'] as Row | null;
    if (fault !== null) context.out(`${appId}: audit: ${faultText(fault)}`);
    const { faults, fault_count: count } = app['attempts'] as { faults: Row[]; fault_count: number };
    for (const found of faults.slice(0, FAULTS_SHOWN_MAX)) context.out(`${appId}: attempts: ${faultText(found)}`);
    if (count > FAULTS_SHOWN_MAX)
      context.out(`${appId}: and ${count - FAULTS_SHOWN_MAX} more; --json shows the first thousand`);
  }
}

/** What cannot be known, though nothing is wrong. */
function remarksOf(attempts: Row): string[] {
  const links = Number(attempts['links_dropped']);
  const dropped = Number(attempts['attempts_dropped']);
  const older = Number(attempts['attempts_older']);
  return [
    ...(links > 0 ? [`${links} links were dropped by retention, as its record in the audit says`] : []),
    ...(dropped > 0 ? [`${dropped} attempts of kept links were dropped with their day`] : []),
    ...(older > 0 ? [`${older} attempts are older than the chain, or their links were dropped before them`] : []),
  ];
}

/** What each kind of fault means; places in brackets are filled from the fault. */
const FAULT_TEXTS: Readonly<Record<string, string>> = {
  entry_missing: 'entry [sequence] is not there',
  entry_changed: 'entry [sequence] is not what was hashed',
  entry_beyond_head: 'entry [sequence] stands behind the head',
  head_missing: 'the head is gone; the last is [sequence]',
  head_differs: 'the head is not the hash of the last, [sequence]',
  link_changed: 'the hash of link [sequence] does not follow from its entries and the link before',
  link_missing: 'links [sequence] to [last_sequence] are not there',
  link_repeated: 'there are several links [sequence], or it had been dropped and is there again',
  link_moved: 'link [sequence] does not stand at the time of its latest try',
  link_beyond_head: 'link [sequence] stands behind the head',
  attempt_changed:
    'try [number] of [request_id] is not as link [sequence] has it: it, its message or its callback was changed',
  attempt_missing: 'try [number] of [request_id] is not there; link [sequence] has it',
  attempt_unlinked: 'try [number] of [request_id] stands in no link',
  delivery_missing: '[request_id] is not there; link [sequence] has try [number] of it',
  delivery_unacknowledged: '[request_id] is delivered, and no try of it was acknowledged',
  retention_forged: 'the audit tells of dropped days that this service did not drop',
};

function faultText(fault: Row): string {
  const text = FAULT_TEXTS[String(fault['kind'])] ?? String(fault['kind']);
  return text.replaceAll(/\[(\w+)\]/g, (_, name: string) => String(fault[name]));
}
