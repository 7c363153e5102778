import { SESSION_HEADER, type SessionAnswer, type VerificationAnswer } from '../dialects/member/index.ts';

export interface MemberClient {
  read(): Promise<VerificationAnswer>;
  send(method: 'POST' | 'PUT', path: string, body: unknown): Promise<VerificationAnswer>;
}

/** What the member's browser does on the verification page, as HTTP. */
export async function openMemberPage(serviceUrl: string, token: string): Promise<MemberClient> {
  const opened = await fetch(`${serviceUrl}/member/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (!opened.ok) throw new Error(`the member's page did not open: HTTP ${opened.status}`);
  const { session } = (await opened.json()) as SessionAnswer;
  const cookie = (opened.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  const call = async (method: string, path: string, body?: unknown): Promise<VerificationAnswer> => {
    const answer = await fetch(`${serviceUrl}/member/v1${path}`, {
      method,
      headers: {
        cookie,
        [SESSION_HEADER]: session,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as VerificationAnswer;
  };
  return { read: () => call('GET', '/verification'), send: call };
}
