import type { SignerField, SignerTask } from '../../signing/index.ts';
import type { FieldAnswer, FieldPlacement, TaskAnswer } from './contract.ts';

/** The task as the page reads it. */
export function presentTask(task: SignerTask, session: string): TaskAnswer {
  const { document } = task;
  return {
    role: task.role,
    step: task.step,
    initiator: { ...task.initiator },
    subject: task.subject,
    signer: { ...task.signer },
    deadline: iso(task.deadline),
    parties: task.parties.map(({ name, state, isSelf }) => ({ name, state, isSelf })),
    identity: { checkedAt: iso(task.checkedAt) },
    consent: { version: task.consent.version, text: { ...task.consent.text }, agreedAt: iso(task.consent.agreedAt) },
    document:
      document === null
        ? null
        : {
            pages: document.pages.map(({ width, height }) => ({ width, height })),
            sha256: document.sha256,
            fields: document.fields.map((field) => presentField(field, document.pages.length)),
            seals: document.seals.map(({ sealId, kind, label, appearance: { width, height } }) => ({
              sealId,
              kind,
              label,
              pictureUrl: `sign/v1/seals/${encodeURIComponent(sealId)}?session=${encodeURIComponent(session)}`,
              width,
              height,
            })),
            readingSeconds: document.readingSeconds,
            readingSecondsLeft: document.readingSecondsLeft,
          },
    reason: task.reason,
    endedAt: iso(task.endedAt),
    isArchived: task.isArchived,
    delayedSince: iso(task.delayedSince),
  };
}

function presentField({ row, forms }: SignerField, pageCount: number): FieldAnswer {
  const { placement, width, date } = row.field;
  return {
    fieldId: row.field_id,
    placement: presentPlacement(placement, pageCount),
    width,
    forms: [...forms],
    datePoints: (date?.positions ?? []).map(({ page, x, y }) => ({ page, x, y })),
  };
}

function presentPlacement(placement: SignerField['row']['field']['placement'], pageCount: number): FieldPlacement {
  if (placement.kind === 'free') return { kind: 'free' };
  if (placement.kind === 'page') {
    return { kind: 'page', points: placement.positions.map(({ page, x, y }) => ({ page, x, y })) };
  }
  const pages = placement.positions.flatMap(({ pages: span }) => {
    const { first, last } = span === 'all' ? { first: 1, last: pageCount } : span;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  // Several seals across pages are one for the page that shows them, at the first one's height.
  const [first] = placement.positions;
  return { kind: 'cross-page', pages: [...new Set(pages)].toSorted((a, b) => a - b), y: first?.y ?? 0 };
}

function iso(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}
