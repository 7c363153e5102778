/**
 * Calling applications: who may speak to the gateway and the relay, with which key, from where and for what.
 * This file is the capability's whole public face.
 */
export type { AccessTokens, App, AppErrorCode, Apps, CreateAppInput, IssuedToken, SignType } from './app.ts';
export { EVERY_GRANT } from './app.ts';
export { createApps } from './commands.ts';
