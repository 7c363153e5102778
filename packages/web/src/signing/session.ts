import { endsSession, openSession, SignerError } from './api.ts';

const STORED_SESSION = 'yinxin.sign.session';
const STORED_TOKEN = 'yinxin.sign.token';

/**
 * The token of the address's fragment, which no server and no log sees; it is taken out of the address and of the
 * history. Until it has opened a session this tab keeps it: whoever reloads because the line is slow still comes in.
 */
export function takeToken(): string | null {
  const { hash, pathname, search } = window.location;
  // The link that skips to the page's main part leaves its name there.
  if (hash.length <= 1 || hash === '#main') return stored(STORED_TOKEN);
  window.history.replaceState(null, '', pathname + search);
  const token = hash.slice(1);
  store(STORED_TOKEN, token);
  return token;
}

/** Whether the address has become another link, which opens no page by itself: only its fragment differs. */
export function isNewLink(): boolean {
  return window.location.hash.length > 1 && window.location.hash !== '#main';
}

/**
 * The session to work in: that of a token, else the one this tab had before it was reloaded.
 *
 * @throws SignerError `session_missing` where there is neither
 */
export async function enter(token: string | null): Promise<string> {
  if (token === null) {
    const session = stored(STORED_SESSION);
    if (session === null) throw new SignerError('session_missing');
    return session;
  }
  try {
    const { session } = await openSession(token);
    store(STORED_TOKEN, null);
    store(STORED_SESSION, session);
    return session;
  } catch (error) {
    if (endsSession(error)) store(STORED_TOKEN, null);
    throw error;
  }
}

function store(name: string, text: string | null): void {
  try {
    if (text === null) window.sessionStorage.removeItem(name);
    else window.sessionStorage.setItem(name, text);
  } catch {
    // Storage is off: a reload asks for the link.
  }
}

function stored(name: string): string | null {
  try {
    return window.sessionStorage.getItem(name);
  } catch {
    return null;
  }
}
