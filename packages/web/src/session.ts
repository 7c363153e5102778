import { ApiError, openSession, reopenSession } from './api.ts';

const STORED_SESSION = 'yinxin.session';

/** The token of the address, which is taken out of it and of the history. */
export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.search).get('token');
  if (window.location.search !== '') window.history.replaceState(null, '', window.location.pathname);
  return token;
}

/**
 * The session to work in: that of a token, else the one this tab had before it was reloaded, else the browser's.
 *
 * @throws ApiError
 */
export async function enter(token: string | null): Promise<string> {
  if (token !== null) return keep((await openSession(token)).session);
  return stored() ?? keep((await reopenSession()).session);
}

function keep(session: string): string {
  try {
    if (window.sessionStorage.getItem(STORED_SESSION) !== session) window.sessionStorage.clear();
    window.sessionStorage.setItem(STORED_SESSION, session);
  } catch {
    // Storage is off: a reload asks the service.
  }
  return session;
}

function stored(): string | null {
  try {
    return window.sessionStorage.getItem(STORED_SESSION);
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
