import type { ReactNode } from 'react';
import type { ChangeAnswer, SignatureAnswer, Words } from '../../../server/src/dialects/validation/contract.ts';
import { LOOKS } from './looks.ts';
import { moment } from './moment.ts';
import { useSpeech } from './texts/texts.ts';

/** Notes are as grave as what they make of the signature. */
const NOTE_TONES: Readonly<Record<SignatureAnswer['verdict'], string>> = {
  valid: 'plain',
  valid_with_changes: 'plain',
  changed: 'plain',
  indeterminate: 'warning',
  broken: 'error',
};

/** One signature: who, when, whether it holds, and what came after it. */
export function SignatureCard({ signature, position }: { signature: SignatureAnswer; position: number }) {
  const { texts } = useSpeech();
  const say = useWords();
  const { verdict, words, signer, claimed, kind, page, problems, coversWholeFile } = signature;
  const name = signer?.commonName ?? signer?.organization ?? claimed.name ?? texts.nameless;
  const { tone, sign } = LOOKS[verdict];
  const about = [
    texts.kinds[kind],
    ...(page === null ? [] : [texts.onPage(String(page))]),
    ...(coversWholeFile ? [texts.whole] : []),
  ];
  const title = `signature-${position}`;
  return (
    <section className="card signature" aria-labelledby={title}>
      <header className="signature-head">
        <h3 id={title}>{name}</h3>
        <p className={`badge ${tone}`}>
          <span aria-hidden="true">{sign}</span> {say(words)}
        </p>
      </header>
      <p className="field-hint">{about.join(' · ')}</p>
      <Changes title={texts.changesForbidden} tone="error" of={signature} isAllowed={false} />
      {problems.length > 0 && (
        <List title={texts.notes} tone={NOTE_TONES[verdict]}>
          {problems.map(({ code, words: problem }) => (
            <li key={code}>{say(problem)}</li>
          ))}
        </List>
      )}
      <Facts signature={signature} />
      <Changes title={texts.changesAllowed} tone="plain" of={signature} isAllowed />
      <Details signature={signature} />
    </section>
  );
}

function useWords(): (words: Words) => string {
  const { texts } = useSpeech();
  return (words) => (texts.language.htmlLang === 'en' ? words.en : words.zh);
}

function Facts({ signature }: { signature: SignatureAnswer }) {
  const { texts } = useSpeech();
  const { signer, claimed, provenTime, integrity, trust, revocation, level } = signature;
  const at = (iso: string): string => moment(iso, texts.noZone);
  const organization = signer?.organization === signer?.commonName ? null : (signer?.organization ?? null);
  const rows: [string, string | null][] = [
    [texts.facts.organization, organization],
    [
      texts.facts.provenTime,
      provenTime === null ? null : `${at(provenTime.at)}, ${texts.provenBy(provenTime.authority)}`,
    ],
    [texts.facts.claimedTime, claimed.at === null ? null : at(claimed.at)],
    [texts.facts.reason, claimed.reason],
    [texts.facts.integrity, texts.integrity[integrity]],
    [texts.facts.trust, signer === null ? null : trustText(trust, texts.trust)],
    [
      texts.facts.revocation,
      signer === null
        ? null
        : revocation.state === 'revoked'
          ? texts.revocation.revoked(at(revocation.at ?? ''))
          : texts.revocation[revocation.state],
    ],
    [texts.facts.level, level === null ? null : texts.levels[level]],
  ];
  return <Rows rows={rows} />;
}

function trustText(
  { source, root }: SignatureAnswer['trust'],
  texts: ReturnType<typeof useSpeech>['texts']['trust'],
): string {
  return source === null ? texts.unknown : texts[source](root ?? '');
}

function Details({ signature }: { signature: SignatureAnswer }) {
  const { texts } = useSpeech();
  const { signer, format, fieldName, revision } = signature;
  const at = (iso: string): string => moment(iso, texts.noZone);
  const rows: [string, string | null][] = [
    [texts.facts.subject, signer?.subject ?? null],
    [texts.facts.issuer, signer?.issuer ?? null],
    [texts.facts.serialNumber, signer?.serialNumber ?? null],
    [texts.facts.validity, signer === null ? null : texts.fromTo(at(signer.notBefore), at(signer.notAfter))],
    [texts.facts.format, format],
    [texts.facts.field, fieldName],
    [texts.facts.revision, revision === null ? null : String(revision)],
  ];
  return (
    <details className="more">
      <summary>{texts.more}</summary>
      <Rows rows={rows} />
    </details>
  );
}

function Rows({ rows }: { rows: readonly [string, string | null][] }) {
  return (
    <dl className="facts">
      {rows.map(([name, text]) =>
        text === null || text === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

interface ChangesProps {
  title: string;
  tone: string;
  of: SignatureAnswer;
  isAllowed: boolean;
}

function Changes({ title, tone, of: { changes, changesLeftOut }, isAllowed }: ChangesProps) {
  const { texts } = useSpeech();
  const say = useWords();
  const shown = changes.filter(({ allowed }) => allowed === isAllowed);
  if (shown.length === 0) return null;
  const where = ({ page, field, count }: ChangeAnswer): string =>
    [
      ...(page === null ? [] : [texts.onPage(String(page))]),
      ...(field === null || field === '' ? [] : [texts.inField(field)]),
      ...(count === 1 ? [] : [texts.times(String(count))]),
    ].join(' · ');
  return (
    <List title={title} tone={tone}>
      {shown.map((change, index) => (
        <li key={`${change.code}/${index + 1}`}>
          {say(change.words)}
          {where(change) !== '' && <span className="change-where"> {where(change)}</span>}
        </li>
      ))}
      {!isAllowed && changesLeftOut > 0 && <li>{texts.leftOut(String(changesLeftOut))}</li>}
    </List>
  );
}

function List({ title, tone, children }: { title: string; tone: string; children: ReactNode }) {
  return (
    <div className={`list ${tone}`}>
      <h4>{title}</h4>
      <ul>{children}</ul>
    </div>
  );
}
