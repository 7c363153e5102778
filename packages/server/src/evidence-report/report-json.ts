import type { ReportInput } from './report-pdf.ts';

/**
 * What a report says, for programs: attached to it as `evidence.json`. Each act brings the exact text that its hash is
 * over, so that whoever holds the report can compute it again.
 */
export function reportJson({ facts, audit, validation, factsSha256, at }: ReportInput): Buffer {
  const { evidence, companies, initiatorName, revisions, signatures } = facts;
  const { flow, signers, acts, views } = evidence;
  const entryOf = new Map(audit.entries.map((entry) => [entry.detail['actId'], entry]));
  const said = {
    version: 1,
    madeAt: at,
    factsSha256,
    flow,
    initiatorName,
    companies,
    signers,
    revisions,
    signatures,
    acts: acts.map(({ actNo, actId, content, sha256 }) => {
      const entry = entryOf.get(actId);
      return {
        actNo,
        content,
        sha256,
        audit: entry === undefined ? null : { sequence: entry.sequence, hash: entry.hash.toString('hex') },
      };
    }),
    views,
    auditHead: audit.head === null ? null : { sequence: audit.head.sequence, hash: audit.head.hash.toString('hex') },
    validation,
  };
  return Buffer.from(`${JSON.stringify(said, null, 2)}\n`);
}
