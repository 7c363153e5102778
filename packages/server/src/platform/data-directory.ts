/** What stands where in the data directory. The embedded database has its folder `postgres` beside these. */

/** The operator's token for the admin API, mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';
/** 32 bytes in Base64 that seal every secret, mode 0600; only where none is given by configuration. */
export const MASTER_KEY_FILE = 'master-key';
/** Where a running service writes its address and process id; removed when it stops. */
export const SERVICE_FILE = 'service.json';
/** How long the last cold start and the last warm one took. */
export const STARTS_FILE = 'starts.json';
/** The folder of contracts and their signed revisions. */
export const FILES_FOLDER = 'files';
/** Uploaded bank statements while they are imported. */
export const SPOOL_FOLDER = 'spool';
/** PKCS#12 files of companies' keys, which an operator puts there. */
export const KEYS_FOLDER = 'keys';
