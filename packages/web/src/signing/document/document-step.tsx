import { lazy, Suspense, useCallback, useMemo, useRef, useState, type ReactNode } from 'react';
import type {
  DocumentAnswer,
  FieldAnswer,
  Point,
  PreviewAnswer,
} from '../../../../server/src/dialects/signer/contract.ts';
import { useAnnounce } from '../../announcer.tsx';
import { Notice } from '../../parts/notice.tsx';
import { problemText, useSending } from '../../use-sending.ts';
import { SignerError, type SignerApi, type SignerTask } from '../api.ts';
import {
  choicesToSend,
  fill,
  firstPoint,
  move,
  sizeOf,
  stillPossible,
  type Choices,
  type Signature,
  type Size,
} from '../choices.ts';
import { PANEL_FROM_WIDTH, pointAt } from '../page-layout.ts';
import { useTitle } from '../steps/ended.tsx';
import { useSpeech } from '../texts/texts.ts';
import { useMedia } from '../use-media.ts';
import { useBack, useLeavingGuard } from '../use-back.ts';
import type { Task } from '../use-task.ts';
import { ActionBar } from './action-bar.tsx';
import { DocumentBar } from './document-bar.tsx';
import { FreeMarks } from './free-marks.tsx';
import { DateMarks, Marks } from './marks.tsx';
import { PageViewer } from './page-viewer.tsx';
import { SidePanel } from './side-panel.tsx';
import { useReadingTime } from './use-reading-time.ts';
import { useViewTimes } from './use-view-times.ts';
import { createReading, useViewport, type Reading } from './use-viewport.ts';

// What a step does not need is not loaded with it: a cheap phone reads the document meanwhile.
const ChoiceDialog = lazy(async () => import('../choice/choice-dialog.tsx'));
const PreviewScreen = lazy(async () => import('./preview-screen.tsx'));
const RefuseDialog = lazy(async () => import('./refuse-dialog.tsx'));
const DetailsDialog = lazy(async () => import('./details-dialog.tsx'));

interface DocumentStepProps {
  api: SignerApi;
  task: Task;
  view: SignerTask;
  document: DocumentAnswer;
  /** What stands between the page and the service. */
  notice: ReactNode;
}

type Over = { kind: 'choice'; field: FieldAnswer } | { kind: 'refuse' } | { kind: 'details' } | null;

/** Read, fill the places, preview, confirm. */
export function DocumentStep(props: DocumentStepProps) {
  const { api, task, view, document } = props;
  const { texts } = useSpeech();
  const [choices, setChoices] = useState<Choices>(() => new Map());
  const [preview, setPreview] = useState<PreviewAnswer | null>(null);
  const [reading] = useState(createReading);
  const { isBusy, error, send, forget } = useSending();
  useTitle(view.subject);

  useBack(preview !== null, () => setPreview(null));
  useLeavingGuard(choices.size > 0);

  const possible = stillPossible(choices, document.fields, document.seals);
  if (possible !== choices) setChoices(possible);

  /** Runs a call; where its refusal says that the page is not up to date, the page asks. */
  const attempt = useCallback(
    async (call: () => Promise<void>): Promise<boolean> =>
      send(async () => {
        try {
          await call();
        } catch (thrown) {
          if (thrown instanceof SignerError && thrown.code !== 'offline') task.refresh();
          throw thrown;
        }
      }),
    [send, task],
  );

  async function makePreview(): Promise<void> {
    const sent = choicesToSend(document.fields, possible);
    if (sent !== null) await attempt(async () => setPreview(await api.preview({ choices: sent })));
  }

  async function confirm({ previewId }: PreviewAnswer): Promise<void> {
    const isConfirmed = await send(async () => {
      try {
        await task.act((own) => own.confirm(previewId));
      } catch (thrown) {
        if (isOvertaken(thrown)) await renewPreview();
        throw thrown;
      }
    });
    if (isConfirmed) setPreview(null);
  }

  /** What was confirmed is not what would be signed any more: a new preview shows it, and it is confirmed anew. */
  async function renewPreview(): Promise<void> {
    const sent = choicesToSend(document.fields, possible);
    try {
      setPreview(sent === null ? null : await api.preview({ choices: sent }));
    } catch {
      setPreview(null);
    }
  }

  const problem = problemText(error, texts.problems);
  const notices = (
    <>
      {props.notice}
      {problem !== null && <Notice kind="error" title={problem} role="alert" />}
    </>
  );

  if (preview !== null) {
    return (
      <Suspense fallback={<Opening />}>
        <PreviewScreen
          api={api}
          view={view}
          document={document}
          preview={preview}
          isBusy={isBusy}
          notice={notices}
          onBack={() => {
            forget();
            setPreview(null);
          }}
          onConfirm={() => void confirm(preview)}
        />
      </Suspense>
    );
  }
  return (
    <Workspace
      {...props}
      notice={notices}
      reading={reading}
      choices={possible}
      setChoices={setChoices}
      isPreviewing={isBusy}
      onPreview={() => void makePreview()}
    />
  );
}

function isOvertaken(error: unknown): boolean {
  return error instanceof SignerError && (error.code === 'document_changed' || error.code === 'preview_gone');
}

/** Points: room that is left around a mark that is placed for the first time. */
const NEW_MARK: Size = { width: 160, height: 160 };

interface WorkspaceProps extends DocumentStepProps {
  reading: Reading;
  choices: Choices;
  setChoices: (change: (choices: Choices) => Choices) => void;
  isPreviewing: boolean;
  onPreview: () => void;
}

function Workspace(props: WorkspaceProps) {
  const { api, task, view, document, notice, reading, choices, setChoices, isPreviewing, onPreview } = props;
  const { texts } = useSpeech();
  const { document: words } = texts;
  const announce = useAnnounce();
  const windowRef = useRef<HTMLDivElement>(null);
  const { pages, sha256, fields } = document;
  const viewport = useViewport(windowRef, pages, reading);
  const [activeId, setActiveId] = useState<string | null>(null);
  const [over, setOver] = useState<Over>(null);
  const isWide = useMedia(`(min-width: ${PANEL_FROM_WIDTH}px)`);
  const readingLeft = useReadingTime(view.readingEndsAt);
  useViewTimes(api, viewport.page);

  const pageUrl = useCallback((page: number, width: number) => api.pageUrl(page, width, sha256), [api, sha256]);
  const openField = useCallback((field: FieldAnswer) => {
    setActiveId(field.fieldId);
    setOver({ kind: 'choice', field });
  }, []);
  const close = useCallback(() => setOver(null), []);
  useBack(over !== null, close);
  const openDetails = useCallback(() => setOver({ kind: 'details' }), []);
  const openRefuse = useCallback(() => setOver({ kind: 'refuse' }), []);

  /** Shows a field's place and puts the focus on it; a field without a place is asked for at once. */
  function goToField(field: FieldAnswer): void {
    const point = choices.get(field.fieldId)?.point ?? firstPoint(field);
    if (point === null) {
      openField(field);
      return;
    }
    setActiveId(field.fieldId);
    viewport.goTo(point.page, 1 - point.y / (pages[point.page - 1]?.height ?? 1));
    const mark = windowRef.current?.querySelector(`[data-field="${CSS.escape(field.fieldId)}"]`);
    if (mark instanceof HTMLElement) mark.focus({ preventScroll: true });
  }

  /** In the middle of what is seen. */
  function pointHere(size: Size): Point {
    const { layout, page } = viewport;
    const view = windowRef.current;
    const y = view === null ? (layout.sheets[page - 1]?.top ?? 0) : view.scrollTop + view.clientHeight / 2;
    return pointAt(layout, pages, { x: layout.width / 2, y }, size);
  }

  function onMoveHere(field: FieldAnswer): void {
    const { signature } = choices.get(field.fieldId) ?? { signature: null };
    const point = pointHere(sizeOf(field, signature, document.seals));
    setChoices((before) => move(before, field.fieldId, point));
    announce(words.move.moved(point.page));
  }

  function onChosen(filledFields: FieldAnswer[], signature: Signature): void {
    const next = fill(choices, filledFields, signature, pointHere(NEW_MARK));
    setChoices(() => next);
    setOver(null);
    announce(next.size === fields.length ? words.allFilled : words.announceFilled(next.size, fields.length));
  }

  const bar = useMemo(
    () => <DocumentBar view={view} viewport={viewport} count={pages.length} onDetails={openDetails} />,
    [view, viewport, pages.length, openDetails],
  );
  const actions = {
    fields,
    choices,
    activeId,
    page: viewport.page,
    readingLeft,
    isPreviewing,
    onPreview,
    onGoTo: goToField,
    onOpen: openField,
    onMoveHere,
  };

  return (
    <div className="workspace">
      {bar}
      <main id="main" className="workspace-main">
        {notice}
        <p className="visually-hidden">
          {words.asPdfForReaders} <a href={api.documentUrl}>{words.asPdf}</a>
        </p>
        <PageViewer windowRef={windowRef} viewport={viewport} pages={pages} pageUrl={pageUrl} label={words.label}>
          <DateMarks document={document} layout={viewport.layout} near={viewport.near} />
          <Marks
            document={document}
            layout={viewport.layout}
            near={viewport.near}
            choices={choices}
            activeId={activeId}
            onOpen={openField}
          />
          <FreeMarks
            document={document}
            layout={viewport.layout}
            choices={choices}
            windowRef={windowRef}
            onOpen={openField}
            onMove={(fieldId, point) => setChoices((before) => move(before, fieldId, point))}
            goTo={viewport.goTo}
          />
        </PageViewer>
      </main>
      {isWide ? (
        <SidePanel api={api} view={view} document={document} actions={actions} onRefuse={openRefuse} />
      ) : (
        <ActionBar {...actions} />
      )}
      <Suspense fallback={null}>
        {over?.kind === 'choice' && (
          <ChoiceDialog field={over.field} document={document} choices={choices} onChosen={onChosen} onClose={close} />
        )}
        {over?.kind === 'refuse' && <RefuseDialog task={task} view={view} onClose={close} />}
        {over?.kind === 'details' && (
          <DetailsDialog api={api} view={view} document={document} onRefuse={openRefuse} onClose={close} />
        )}
      </Suspense>
    </div>
  );
}

function Opening() {
  const { texts } = useSpeech();
  return (
    <div className="workspace">
      <p className="loading opening">{texts.loading}</p>
    </div>
  );
}
