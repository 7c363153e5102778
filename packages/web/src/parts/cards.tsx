import type { ReactNode } from 'react';
import { usePageSpeech } from '../texts/speech.tsx';

/** The shape of what comes, so that nothing jumps when it is there. */
export function LoadingCard() {
  const { texts } = usePageSpeech();
  return (
    <section className="card" aria-busy="true">
      <h1>{texts.brand.product}</h1>
      <output className="loading">{texts.loading}</output>
      <div className="skeleton" aria-hidden="true">
        <span className="skeleton-title" />
        <span />
        <span />
        <span className="skeleton-short" />
      </div>
    </section>
  );
}

export function MessageCard({ title, body, children }: { title: string; body: string; children?: ReactNode }) {
  return (
    <section className="card message-card">
      <span className="message-sign" aria-hidden="true">
        !
      </span>
      <h1 tabIndex={-1}>{title}</h1>
      <p className="lead">{body}</p>
      {children}
    </section>
  );
}
