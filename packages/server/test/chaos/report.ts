import { FAULT_NAMES, type FaultName } from './faults.ts';
import type { Counts, Violation } from './judge.ts';
import type { RoundResult } from './round.ts';

const VIOLATIONS_SHOWN_MAX = 20;

/** One line for a round, and what it found wrong below it. */
export function roundLines(result: RoundResult, roundCount: number): string[] {
  const { plan, verdict, settleMs, totalMs } = result;
  const { counts, violations } = verdict;
  const number = `${String(plan.number).padStart(String(roundCount).length)}/${roundCount}`;
  const told = `000 ${counts.delivered}  202 ${counts.retrying}  500 ${counts.faults}  none ${counts.unanswered}`;
  const seconds = `${(totalMs / 1_000).toFixed(1)} s (settled in ${(settleMs / 1_000).toFixed(1)} s)`;
  const verdictWord = violations.length === 0 ? 'ok  ' : 'FAIL';
  return [
    `${verdictWord} ${number}  ${String(counts.messages).padStart(4)} messages  ${told}  again ${counts.duplicates}  ${seconds}  ${plan.faults.join(' + ')}`,
    ...violationLines(result),
  ];
}

function violationLines({ plan, verdict, notes }: RoundResult): string[] {
  const { violations } = verdict;
  if (violations.length === 0) return [];
  const line = ({ kind, message, requestId, told, detail }: Violation): string =>
    `       ${kind}  ${message}  ${requestId ?? '-'}  told ${told.map((code) => code ?? 'nothing').join(', ')}  ${detail}`;
  const left = violations.length - VIOLATIONS_SHOWN_MAX;
  return [
    `     seed of the round ${plan.seed}`,
    ...[...notes].map(([fault, note]) => `     ${fault}: ${note}`),
    ...violations.slice(0, VIOLATIONS_SHOWN_MAX).map(line),
    ...(left > 0 ? [`       and ${left} more`] : []),
  ];
}

/** A row for each fault, then the sums. */
export function tableLines(results: readonly RoundResult[]): string[] {
  const width = Math.max(...FAULT_NAMES.map((name) => name.length));
  const head = `${'fault'.padEnd(width)}  rounds  failed`;
  const rows = FAULT_NAMES.flatMap((fault) => {
    const own = results.filter(({ plan }) => plan.faults.includes(fault));
    if (own.length === 0) return [];
    const failed = own.filter(({ verdict }) => verdict.violations.length > 0).length;
    return [`${fault.padEnd(width)}  ${String(own.length).padStart(6)}  ${String(failed).padStart(6)}`];
  });
  const sum = (of: (counts: Counts) => number): number =>
    results.reduce((total, { verdict }) => total + of(verdict.counts), 0);
  const violations = (kind: Violation['kind']): number =>
    results.reduce((total, { verdict }) => total + verdict.violations.filter((found) => found.kind === kind).length, 0);
  const all = results.reduce((total, { verdict }) => total + verdict.violations.length, 0);
  const failed = results.filter(({ verdict }) => verdict.violations.length > 0).length;
  return [
    head,
    ...rows,
    '',
    `messages ${sum((counts) => counts.messages)}, calls ${sum((counts) => counts.calls)}: 000 ${sum((counts) => counts.delivered)}, 202 ${sum((counts) => counts.retrying)}, 500 ${sum((counts) => counts.faults)}, no answer ${sum((counts) => counts.unanswered)}, other ${sum((counts) => counts.refused)}`,
    `received ${sum((counts) => counts.receipts)}, acknowledged again under the same id ${sum((counts) => counts.duplicates)}`,
    `told 500 or nothing, and delivered: ${sum((counts) => counts.deliveredUntold)}`,
    `accepted (000 or 202) and never delivered: ${violations('accepted-never-delivered')}`,
    `told 000 before any receiver had it: ${violations('told-before-acknowledged')}`,
    `one message under two ids: ${violations('two-ids')}`,
    `other violations: ${all - violations('accepted-never-delivered') - violations('told-before-acknowledged') - violations('two-ids')}`,
    `${results.length} rounds, ${failed} failed`,
  ];
}

/** The ledger of a round, a line of NDJSON for each message. */
export function ledgerLines({ plan, ledger, verdict }: RoundResult): string[] {
  const byMessage = Map.groupBy(ledger.receipts, (receipt) => receipt.message);
  const wrong = Map.groupBy(verdict.violations, (violation) => violation.message);
  return ledger.sent.map(({ message, destination, content, calls }) => {
    const received = [...Map.groupBy(byMessage.get(message) ?? [], ({ webhookId }) => webhookId)];
    const ids = new Set([...calls.flatMap(({ requestId }) => requestId ?? []), ...received.map(([id]) => id)]);
    return JSON.stringify({
      round: plan.number,
      faults: plan.faults,
      message,
      destination,
      told: calls.map(({ node, code, requestId }) => ({ node, code, request_id: requestId })),
      received: received.map(([webhookId, receipts]) => ({
        webhook_id: webhookId,
        times: receipts.length,
        acknowledged: receipts.filter(({ acknowledgedAt }) => acknowledgedAt !== null).length,
        same_content: receipts.every((receipt) => receipt.content === content),
      })),
      outcome: Object.fromEntries([...ids].map((id) => [id, ledger.outcomes.get(id) ?? null])),
      violations: (wrong.get(message) ?? []).map(({ kind }) => kind),
    });
  });
}

export function isFaultName(text: string): text is FaultName {
  return FAULT_NAMES.some((name) => name === text);
}
