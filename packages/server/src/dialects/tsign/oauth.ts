import type { Apps, IssuedToken } from '../../apps/index.ts';
import { ANSWERS, FORM, TsignRefusal } from './errors.ts';
import { AuthenticationFailure, FAILURES } from './failures.ts';

export interface OAuthDependencies {
  readonly apps: Pick<Apps, 'find' | 'ipAllowed' | 'issueToken' | 'renewToken'>;
}

/** One of the two endpoints that are called without being signed: the secret in the request is the proof. */
export interface OAuthRoute {
  readonly path: string;
  readonly summary: string;
  /** `fields` are those of the query, or of the JSON body of a POST. */
  answer(fields: Readonly<Record<string, unknown>>, ip: string): Promise<object>;
}

/** `/v1/oauth2/access_token` and `/v1/oauth2/refresh_token` (contracts/tsign-auth.md, OAuth mode). */
export function oauthRoutes({ apps }: OAuthDependencies): OAuthRoute[] {
  /** Who is not to be spoken to: an app that is unknown or disabled, or an address that is not the app's. */
  async function admit(appId: string, ip: string): Promise<void> {
    const app = await apps.find(appId);
    if (app === undefined || app.disabledAt !== null) throw new TsignRefusal(ANSWERS.oauthUnknownApp);
    if (!apps.ipAllowed(app, ip)) throw new AuthenticationFailure(FAILURES.addressNotAllowed);
  }

  return [
    {
      path: '/v1/oauth2/access_token',
      summary: 'A token for appId, secret and grantType=client_credentials',
      async answer(fields, ip) {
        const appId = text(fields, 'appId');
        const secret = text(fields, 'secret');
        grantType(fields, 'client_credentials');
        await admit(appId, ip);
        const issued = await apps.issueToken({ appId, secret });
        // Answered as an unknown app: the contract has no word for a wrong secret, and a guesser needs none.
        if (issued === undefined) throw new TsignRefusal(ANSWERS.oauthUnknownApp);
        return presentToken(issued);
      },
    },
    {
      path: '/v1/oauth2/refresh_token',
      summary: 'A new token for appId, refreshToken and grantType=refresh_token',
      async answer(fields, ip) {
        const appId = text(fields, 'appId');
        const refreshToken = text(fields, 'refreshToken');
        grantType(fields, 'refresh_token');
        await admit(appId, ip);
        const issued = await apps.renewToken({ appId, refreshToken });
        if (issued === 'unknown_app') throw new TsignRefusal(ANSWERS.oauthUnknownApp);
        if (issued === 'refused')
          throw new TsignRefusal(FORM.wrong('refreshToken', '未过期的refreshToken,请重新获取token'));
        return presentToken(issued);
      },
    },
  ];
}

function presentToken({ token, refreshToken, expiresAt }: IssuedToken): object {
  return { token, expiresIn: String(expiresAt.getTime()), refreshToken };
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null || value === '') throw new TsignRefusal(FORM.missing(name));
  if (typeof value !== 'string') throw new TsignRefusal(FORM.wrong(name, '字符串'));
  return value;
}

function grantType(fields: Readonly<Record<string, unknown>>, expected: string): void {
  if (text(fields, 'grantType') !== expected) throw new TsignRefusal(FORM.wrong('grantType', expected));
}
