export { SIGNER_SESSION_HEADER } from './contract.ts';
export { registerSignerApi, type SignerDependencies } from './api-routes.ts';
