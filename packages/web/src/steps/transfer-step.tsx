import { useState } from 'react';
import type { TransferAnswer, VerificationAnswer } from '../../../server/src/dialects/member/contract.ts';
import { accountText, groupInFours } from '../account-text.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Notice } from '../parts/notice.tsx';
import { QrCode } from '../parts/qr-code.tsx';
import { useSpeech } from '../texts/texts.ts';
import type { GoTo } from '../go-to.ts';
import { PaymentProgressPanel } from './payment-progress.tsx';

interface TransferStepProps {
  view: VerificationAnswer;
  refresh: () => void;
  goTo: GoTo;
}

/** Where to pay, what to mind, and what the bank has said so far. */
export function TransferStep({ view, refresh, goTo }: TransferStepProps) {
  const { texts } = useSpeech();
  const { transfer: words } = texts;
  const { transfer } = view;
  const payTo = transfer?.payTo ?? null;
  const kind = transfer?.progress.kind ?? 'unavailable';
  // What needs the member's attention stands above what was read already.
  const isFirst = kind === 'failed' || kind === 'in_review' || kind === 'unavailable';
  const progress = transfer !== null && <PaymentProgressPanel progress={transfer.progress} refresh={refresh} />;
  return (
    <>
      <h1 tabIndex={-1}>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      {isFirst && progress}
      {payTo === null ? (
        <Notice kind="warning" title={words.unavailableTitle}>
          <p>{words.unavailableBody}</p>
        </Notice>
      ) : (
        <>
          <Warnings companyName={view.company.orgName} expiresAt={transfer?.expiresAt ?? ''} />
          <Account payTo={payTo} />
        </>
      )}
      {!isFirst && progress}
      {kind !== 'in_review' && kind !== 'confirmed' && (
        <button type="button" className="button quiet change" onClick={() => goTo('company')}>
          {words.change}
        </button>
      )}
    </>
  );
}

function Warnings({ companyName, expiresAt }: { companyName: string; expiresAt: string }) {
  const { texts, time } = useSpeech();
  const { warnings, warningsTitle } = texts.transfer;
  return (
    <section className="warnings">
      <h2>{warningsTitle}</h2>
      <ul>
        <li>
          {warnings.ownAccountBefore}
          <strong>{companyName}</strong>
          {warnings.ownAccountAfter}
        </li>
        <li>{warnings.exact}</li>
        <li>{warnings.noRefund}</li>
        <li>{warnings.once(time(expiresAt))}</li>
      </ul>
    </section>
  );
}

function Account({ payTo }: { payTo: NonNullable<TransferAnswer['payTo']> }) {
  const { texts } = useSpeech();
  const { transfer: words } = texts;
  const whole = accountText(payTo, words);
  // A phone has the account on it; the code is for whoever sits before a large screen.
  const [isWide] = useState(() => window.matchMedia('(min-width: 640px)').matches);
  const rows = [
    { label: words.accountName, shown: payTo.accountName, copied: payTo.accountName },
    { label: words.accountNo, shown: groupInFours(payTo.accountNo), copied: payTo.accountNo, isNumber: true },
    { label: words.bankName, shown: payTo.bankName, copied: payTo.bankName },
    { label: words.amount, shown: words.yuan(payTo.amount), copied: payTo.amount, isNumber: true },
  ];
  return (
    <section className="account">
      <h2>{words.accountTitle}</h2>
      <div className="account-body">
        <dl className="account-rows">
          {rows.map(({ label, shown, copied, isNumber }) => (
            <div key={label} className="account-row">
              <dt>{label}</dt>
              <dd className={isNumber === true ? 'number' : undefined}>{shown}</dd>
              <CopyButton text={copied} what={label} />
            </div>
          ))}
        </dl>
        <div className="account-all">
          <CopyButton text={whole} what={words.allInformation} label={words.copyAll} />
          <p className="field-hint">{words.address}</p>
        </div>
        <details className="account-qr" open={isWide}>
          <summary>{words.qrTitle}</summary>
          <QrCode text={whole} label={words.qrLabel} />
          <p className="field-hint">{words.qrHint}</p>
        </details>
      </div>
    </section>
  );
}
