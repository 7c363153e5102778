import type { DocumentAnswer, TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { Dialog } from '../../parts/dialog.tsx';
import type { SignerApi } from '../api.ts';
import { Fact, Parties, TaskSummary } from '../steps/task-summary.tsx';
import { useSpeech } from '../texts/texts.ts';

interface DetailsDialogProps {
  api: SignerApi;
  view: TaskAnswer;
  document: DocumentAnswer;
  onRefuse: () => void;
  onClose: () => void;
}

/** Who asks, who signs, the file itself, and the ways out. */
export default function DetailsDialog({ api, view, document, onRefuse, onClose }: DetailsDialogProps) {
  const { texts, switchLanguage } = useSpeech();
  const { document: words, language } = texts;
  return (
    <Dialog title={words.detailsTitle} onClose={onClose}>
      <TaskSummary view={view} />
      <Parties view={view} />
      <dl className="facts fingerprint">
        <Fact name={words.sha256}>
          <span className="code">{document.sha256}</span>
        </Fact>
      </dl>
      <div className="actions">
        <a className="button small" href={api.documentUrl}>
          {words.asPdf}
        </a>
        <button
          type="button"
          className="button small"
          aria-label={language.switchLabel}
          lang={language.htmlLang === 'en' ? 'zh-CN' : 'en'}
          onClick={switchLanguage}
        >
          {language.switchTo}
        </button>
        <button type="button" className="button quiet danger" onClick={onRefuse}>
          {words.refuse}
        </button>
      </div>
    </Dialog>
  );
}
