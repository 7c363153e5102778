import type { ReactNode } from 'react';
import type { VerificationAnswer } from '../../../server/src/dialects/member/contract.ts';
import { SealPicture } from '../parts/seal-picture.tsx';
import { sealWords } from '../seal-words.ts';
import { useSpeech } from '../texts/texts.ts';
import type { GoTo } from '../go-to.ts';

interface DoneStepProps {
  view: VerificationAnswer;
  goTo: GoTo;
}

/** What the company has now: seal, certificate, and the record of its payment. */
export function DoneStep({ view, goTo }: DoneStepProps) {
  const { texts, time } = useSpeech();
  const { done: words } = texts;
  const { certificate, company, payment, silentSigningConsentedAt, verifiedAt } = view;
  const seal = view.seals.find(({ isChosen }) => isChosen);
  return (
    <>
      <div className="done-head">
        <span className="done-sign" aria-hidden="true">
          ✓
        </span>
        <h1 tabIndex={-1}>{words.title}</h1>
        <p className="lead">{words.lead(company.orgName, view.appName)}</p>
        <p>{words.close}</p>
      </div>
      <div className="done-parts">
        {seal !== undefined && (
          <section className="done-seal">
            <h2>{words.sealTitle}</h2>
            <SealPicture
              url={seal.pictureUrl}
              label={texts.seal.pictureOf(sealWords(seal, view.seals, texts).name, company.orgName)}
            />
            <p>{sealWords(seal, view.seals, texts).name}</p>
          </section>
        )}
        <div className="done-facts">
          <section>
            <h2>{words.certificateTitle}</h2>
            {certificate === null ? <p>{words.noCertificate}</p> : <Certificate certificate={certificate} />}
          </section>
          <section>
            <h2>{words.consentTitle}</h2>
            {silentSigningConsentedAt === null ? (
              <>
                <p>{words.notConsented}</p>
                <button type="button" className="button small" onClick={() => goTo('consent')}>
                  {words.consentNow}
                </button>
              </>
            ) : (
              <p>{words.consented(time(silentSigningConsentedAt))}</p>
            )}
          </section>
          <section>
            <h2>{words.paymentTitle}</h2>
            <dl className="facts">
              {payment !== null && (
                <>
                  <Fact name={words.payer}>{payment.payerName}</Fact>
                  {payment.payerAccountNo !== null && (
                    <Fact name={words.payerAccount}>
                      <span className="code">{payment.payerAccountNo}</span>
                    </Fact>
                  )}
                  <Fact name={words.tradedAt}>{time(payment.tradedAt)}</Fact>
                  <Fact name={words.bizFlowNo}>
                    <span className="code">{payment.bizFlowNo}</span>
                  </Fact>
                </>
              )}
              {verifiedAt !== null && <Fact name={words.verifiedAt}>{time(verifiedAt)}</Fact>}
            </dl>
          </section>
        </div>
      </div>
    </>
  );
}

function Certificate({ certificate }: { certificate: NonNullable<VerificationAnswer['certificate']> }) {
  const { texts, day } = useSpeech();
  const { done: words } = texts;
  const { subject, issuer, serialNumber, notBefore, notAfter } = certificate;
  return (
    <dl className="facts">
      <Fact name={words.subject}>{subject}</Fact>
      <Fact name={words.issuer}>{issuer}</Fact>
      <Fact name={words.serialNumber}>
        <span className="code">{serialNumber}</span>
      </Fact>
      <Fact name={words.validity}>{words.from(day(notBefore), day(notAfter))}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
