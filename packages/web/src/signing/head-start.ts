import { createSignerApi, type SignerTask } from './api.ts';
import { columnWidth, pictureWidth } from './page-layout.ts';
import { enter, takeToken } from './session.ts';

/**
 * What the page asks for while most of it is still on the line: on a slow phone this is a second less to wait for the
 * first page. It is an entry of its own, small and alone; see `headStart` in vite.config.ts.
 */
export interface HeadStart {
  token: string | null;
  /** The session that the token opened, or the tab's own. Not to be waited for twice: see `once`. */
  entering: Promise<string>;
  task: Promise<SignerTask>;
}

function begin(): HeadStart {
  // Before anything else: whoever looks over a shoulder or at the history finds no token.
  const token = takeToken();
  const entering = enter(token);
  const task = entering.then(async (session) => {
    const api = createSignerApi(session);
    const read = await api.read();
    // Where it is signed already, nobody may want to see it.
    if (read.step === 'document' && read.document !== null)
      fetchFirstPage(api.pageUrl(1, firstPictureWidth(), read.document.sha256));
    return read;
  });
  // Whoever waits for them is told; where nobody does, nothing is wrong.
  entering.catch(() => undefined);
  task.catch(() => undefined);
  return { token, entering, task };
}

function firstPictureWidth(): number {
  return pictureWidth(columnWidth(window.innerWidth), window.devicePixelRatio);
}

function fetchFirstPage(url: string): void {
  const picture = new Image();
  picture.fetchPriority = 'high';
  picture.src = url;
}

export const headStart = begin();

void import('./main.tsx');
