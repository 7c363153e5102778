// A partner's receiver: takes notifications and relayed messages, checks their signatures, prints and acknowledges them.
// Node 18 or newer, no dependencies.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/** @typedef {ReturnType<typeof readOptions>} Options */
/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').IncomingHttpHeaders} Headers */
/** @typedef {{ sign: string, request_content: string, nonce: string, timestamp: string }} Envelope */

const HELP = `node receiver.mjs [options]

  --port N                 port to listen on (default 9000; 0 lets the system choose)
  --host ADDRESS           address to listen on (default 127.0.0.1)
  --secret whsec_…         webhook_secret of the application, or of the destination: checks webhook-signature
  --relay-public-key FILE  relay_public_key (PEM) of the application: checks the envelope's sign
  --fail-first N           refuse the first N tries of every message, to see the retries (default 0)
  --help

Without --secret or --relay-public-key the signature in question is not checked, and the output says so.
`;

/** Older or newer than this, and a message is taken for a replay of an old one. */
const TOLERANCE_SECONDS = 300;
const BODY_BYTES_MAX = 8 * 1024 * 1024;

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9000' },
      host: { type: 'string', default: '127.0.0.1' },
      secret: { type: 'string' },
      'relay-public-key': { type: 'string' },
      'fail-first': { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  const secret = values.secret;
  if (secret !== undefined && !secret.startsWith('whsec_')) throw new Error('--secret starts with whsec_');
  const keyFile = values['relay-public-key'];
  return {
    help: values.help,
    host: values.host,
    port: wholeNumber('--port', values.port),
    failFirst: wholeNumber('--fail-first', values['fail-first']),
    webhookKey: secret === undefined ? undefined : Buffer.from(secret.slice('whsec_'.length), 'base64'),
    relayKey: keyFile === undefined ? undefined : createPublicKey(readFileSync(keyFile)),
  };
}

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} is a whole number`);
  return Number(text);
}

/**
 * Standard Webhooks, v1: HMAC-SHA256 over `id.timestamp.body`, the exact bytes of the body. The header may hold several
 * signatures, separated by spaces; one of them must be right.
 * @param {Buffer} key @param {Headers} headers @param {Buffer} body
 */
function webhookSignatureHolds(key, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) return false;
  const expected = createHmac('sha256', key)
    .update(`${String(id)}.${String(timestamp)}.`)
    .update(body)
    .digest();
  return String(signatures)
    .split(' ')
    .some((entry) => {
      const [version, signature = ''] = entry.split(',');
      const given = Buffer.from(signature, 'base64');
      return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
    });
}

/** @param {unknown} message @returns {message is Envelope} */
function isEnvelope(message) {
  return ['sign', 'request_content', 'nonce', 'timestamp'].every((name) => Object.hasOwn(Object(message), name));
}

/**
 * RSA over `nonce=…&request_content=…&timestamp=…`. Which digest it is was agreed for the destination; here either will do.
 * @param {import('node:crypto').KeyObject} key @param {Envelope} envelope
 */
function envelopeSignDigest(key, { sign, request_content: content, nonce, timestamp }) {
  const text = Buffer.from(`nonce=${nonce}&request_content=${content}&timestamp=${timestamp}`, 'utf8');
  return ['RSA-SHA1', 'RSA-SHA256'].find((digest) => verify(digest, text, key, Buffer.from(sign, 'base64')));
}

/** @param {Buffer} body @returns {unknown} */
function parseJson(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * What there is to say about the signatures of a message, and whether one of them is wrong.
 * @param {Options} options @param {Headers} headers @param {Buffer} body @param {unknown} message
 */
function check({ webhookKey, relayKey }, headers, body, message) {
  const findings = [];
  let isGenuine = true;
  if (webhookKey === undefined) findings.push('webhook-signature not checked');
  else {
    const holds = webhookSignatureHolds(webhookKey, headers, body);
    findings.push(`webhook-signature ${holds ? 'holds' : 'WRONG'}`);
    isGenuine &&= holds;
  }
  if (!isEnvelope(message)) return { findings, isGenuine };
  if (relayKey === undefined) findings.push('sign not checked');
  else {
    const digest = envelopeSignDigest(relayKey, message);
    findings.push(digest === undefined ? 'sign WRONG' : `sign holds (${digest})`);
    isGenuine &&= digest !== undefined;
  }
  return { findings, isGenuine };
}

/** @param {Request} request */
async function readBody(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** How often each message came. A real receiver keeps the ids it has handled with what it did, in one transaction. */
const triesById = new Map();

/** @param {Options} options @param {Request} request */
async function receive(options, request) {
  if (request.method !== 'POST') return { status: 405, code: '405', note: 'only POST' };
  const body = await readBody(request);
  const id = String(request.headers['webhook-id'] ?? '(no webhook-id)');
  const tries = (triesById.get(id) ?? 0) + 1;
  triesById.set(id, tries);

  const message = parseJson(body);
  const { findings, isGenuine } = check(options, request.headers, body, message);
  console.log(`\n${new Date().toISOString()} POST ${request.url}\n  ${id}, try ${tries}; ${findings.join(', ')}`);
  console.log(message === undefined ? body.toString('utf8') : JSON.stringify(message, null, 2));
  if (!isGenuine) return { status: 401, code: '401', note: 'refused: a signature is wrong' };
  if (tries <= options.failFirst) return { status: 503, code: '503', note: 'refused: --fail-first' };
  return { status: 200, code: '000', note: 'acknowledged' };
}

/** @param {Options} options @param {Request} request @param {import('node:http').ServerResponse} response */
async function handle(options, request, response) {
  const { status, code, note } = await receive(options, request).catch((error) => ({
    status: 400,
    code: '400',
    note: `refused: ${error.message}`,
  }));
  console.log(`  → ${status} ${code}, ${note}`);
  // `code` acknowledges a relayed message, `response_code` a notification.
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ code, response_code: code }));
}

function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const server = createServer((request, response) => void handle(options, request, response));
  server.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  server.listen(options.port, options.host, () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    console.log(`listening at http://${options.host}:${port}`);
  });
}

try {
  main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  process.exitCode = 2;
}
