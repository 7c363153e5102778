import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { Notice } from '../../parts/notice.tsx';
import { useSpeech } from '../texts/texts.ts';

/** That a signature takes longer because somebody else has something to see to: nothing that this signer could do. */
export function Delayed({ view: { step, delayedSince } }: { view: TaskAnswer }) {
  const { texts, time } = useSpeech();
  const { delayed: words } = texts;
  if (delayedSince === null) return null;
  return (
    <Notice kind="information" title={step === 'sealing' ? words.ownTitle : words.otherTitle}>
      <p>{words.lead}</p>
      <p className="field-hint">{words.since(time(delayedSince))}</p>
    </Notice>
  );
}
