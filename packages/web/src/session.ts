import { ApiError, openSession, reopenSession } from './api.ts';

const STORED_SESSION = 'yinxin.session';
const STORED_TOKEN = 'yinxin.token';

/**
 * The token of the address, which is taken out of it and of the history. Until it has opened a session this tab keeps
 * it: whoever reloads because the line is slow still comes in.
 */
export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.search).get('token');
  if (window.location.search !== '') window.history.replaceState(null, '', window.location.pathname);
  if (token === null) return stored(STORED_TOKEN);
  store(STORED_TOKEN, token);
  return token;
}

/**
 * The session to work in: that of a token, else the one this tab had before it was reloaded, else the browser's.
 *
 * @throws ApiError
 */
export async function enter(token: string | null): Promise<string> {
  if (token === null) return stored(STORED_SESSION) ?? keep((await reopenSession()).session);
  try {
    return keep((await openSession(token)).session);
  } catch (error) {
    if (endsSession(error)) store(STORED_TOKEN, null);
    throw error;
  }
}

/** What this tab knew of another session goes, and so does the token. */
function keep(session: string): string {
  if (stored(STORED_SESSION) !== session) {
    try {
      window.sessionStorage.clear();
    } catch {
      // As in `store`.
    }
  }
  store(STORED_TOKEN, null);
  store(STORED_SESSION, session);
  return session;
}

function store(name: string, text: string | null): void {
  try {
    if (text === null) window.sessionStorage.removeItem(name);
    else window.sessionStorage.setItem(name, text);
  } catch {
    // Storage is off: a reload asks the service.
  }
}

function stored(name: string): string | null {
  try {
    return window.sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Whether nothing but a new link from the platform helps. */
export function endsSession(error: unknown): error is ApiError {
  return error instanceof ApiError && SESSION_ENDS.has(error.code);
}

const SESSION_ENDS: ReadonlySet<string> = new Set([
  'session_missing',
  'session_replaced',
  'token_invalid',
  'token_expired',
  'member_gone',
]);
