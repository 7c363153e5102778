import { useEffect, useEffectEvent, useState } from 'react';
import type { HandoverAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { Notice } from '../../parts/notice.tsx';
import { QrCode } from '../../parts/qr-code.tsx';
import { problemText, useSending } from '../../use-sending.ts';
import type { SignerApi } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';
import { useSecondsLeft } from '../use-seconds-left.ts';

/** A link of the signer's own as a QR code: made when it is asked for, gone when its time is over. */
export default function Handover({ api }: { api: SignerApi }) {
  const { texts, time } = useSpeech();
  const { handover: words } = texts;
  const [link, setLink] = useState<(HandoverAnswer & { endsAt: number }) | null>(null);
  const { error, send } = useSending();
  const left = useSecondsLeft(link?.endsAt ?? null);
  const problem = problemText(error, texts.problems);

  async function make(): Promise<void> {
    const made = await api.handOver();
    setLink({ ...made, endsAt: performance.now() + made.expiresIn * 1000 });
  }
  const makeAtOnce = useEffectEvent(() => void send(make));
  useEffect(() => makeAtOnce(), []);

  return (
    <section className="handover" aria-live="polite">
      <h2>{words.title}</h2>
      <p>{words.lead}</p>
      {problem !== null && <Notice kind="error" title={problem} role="alert" />}
      {link === null && problem === null && <p className="loading">{words.making}</p>}
      {link !== null && left > 0 && (
        <>
          <QrCode text={link.url} label={words.qrLabel} />
          <p className="field-hint">{words.until(time(link.expiresAt))}</p>
        </>
      )}
      {link !== null && left === 0 && <p className="field-hint">{words.expired}</p>}
      {(problem !== null || (link !== null && left === 0)) && (
        <button type="button" className="button small" onClick={() => void send(make)}>
          {words.renew}
        </button>
      )}
    </section>
  );
}
