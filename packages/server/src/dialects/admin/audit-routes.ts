import { Type } from 'typebox';
import type { AuditReport } from '../../audit/index.ts';
import type { ChainFault, ChainReport, RelayOperations } from '../../relay/index.ts';
import { DomainError } from '../../platform/errors.ts';
import type { AdminServer } from './routes.ts';
import { sendSteps } from './steps.ts';

export interface AuditRouteDependencies {
  readonly audit: {
    listApps(): Promise<readonly string[]>;
    verify(appId: string, onProgress: (entries: number, total: number) => void): Promise<AuditReport>;
  };
  readonly apps: { list(): Promise<readonly { readonly appId: string }[]> };
  readonly relayOperations: Pick<RelayOperations, 'listChainedApps' | 'verifyChain'>;
}

const Filter = Type.Object({ app_id: Type.Optional(Type.String({ maxLength: 16 })) }, { additionalProperties: false });

/**
 * `GET /audit/verification`: recomputes the hash chains, what was done and what was attempted, of one application or of
 * all (`app_not_found` where nothing is known of it). It answers in steps, `{app_id, chain, done, total}`; `result` names what does not hold.
 */
export function registerAuditRoutes(admin: AdminServer, dependencies: AuditRouteDependencies): void {
  const { audit, apps, relayOperations } = dependencies;
  admin.get('/audit/verification', { schema: { querystring: Filter } }, (request, reply) =>
    sendSteps(request, reply, async (tell, signal) => {
      const { app_id: only } = request.query;
      const named = await Promise.all([audit.listApps(), relayOperations.listChainedApps(), apps.list()]);
      const all = new Set([...named[0], ...named[1], ...named[2].map((app) => app.appId)]);
      if (only !== undefined && !all.has(only)) throw new DomainError('app_not_found', { appId: only });
      const appIds = only === undefined ? [...all].toSorted() : [only];
      const reports: Record<string, unknown>[] = [];
      let faultCount = 0;
      for (const appId of appIds) {
        const progress = (chain: string) => (done: number, total: number) => {
          signal.throwIfAborted();
          tell({ app_id: appId, chain, done, total });
        };
        const actions = await audit.verify(appId, progress('audit'));
        const toldLinks = progress('attempts');
        const attempts = await relayOperations.verifyChain(appId, ({ links, linksTotal }) =>
          toldLinks(links, linksTotal),
        );
        faultCount += attempts.faultCount + (actions.fault === null ? 0 : 1);
        reports.push({ app_id: appId, audit: presentAudit(actions), attempts: presentChain(attempts) });
      }
      return { apps: reports, fault_count: faultCount };
    }),
  );
}

function presentHead(head: AuditReport['head']): Record<string, unknown> | null {
  return head === null ? null : { sequence: head.sequence, hash: head.hash.toString('hex') };
}

function presentAudit({ entries, fault, head }: AuditReport): Record<string, unknown> {
  return { entries, fault, head: presentHead(head) };
}

function presentChain(report: ChainReport): Record<string, unknown> {
  return {
    links: report.links,
    first_sequence: report.firstSequence,
    links_dropped: report.linksDropped,
    attempts: report.attempts,
    attempts_dropped: report.attemptsDropped,
    attempts_older: report.attemptsOlder,
    head: presentHead(report.head),
    fault_count: report.faultCount,
    faults: report.faults.map(presentFault),
  };
}

function presentFault(fault: ChainFault): Record<string, unknown> {
  return {
    kind: fault.kind,
    sequence: fault.sequence,
    last_sequence: fault.lastSequence,
    request_id: fault.requestId,
    number: fault.number,
  };
}
