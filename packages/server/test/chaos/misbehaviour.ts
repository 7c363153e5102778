import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Random } from './random.ts';

/** What an application behind a receiver can do to a POST that it has read, other than acknowledge it. */
export type Misbehaviour =
  | 'hang'
  | 'drip'
  | 'half-close'
  | 'wrong-body'
  | 'status-500'
  | 'redirect'
  | 'huge'
  | 'broken-gzip';

export const ACKNOWLEDGEMENT = '{"code":"000"}';

const DRIP_EVERY_MS = 150;
const HUGE_BYTES = 50 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, ' ');
const JSON_TYPE = { 'content-type': 'application/json' };

/** Right at first sight, and no acknowledgement by the contract. */
const WRONG_BODIES = [
  '',
  '{}',
  '{"code":0}',
  '{"code":"001","msg":"000"}',
  '["000"]',
  '<html>ok</html>',
  '{"code":"000"',
];

type Answer = (
  response: ServerResponse,
  context: { random: Random; trapUrl: string; request: IncomingMessage },
) => void;

/** None of them acknowledges, though each but the first few looks as if it might. */
export const MISBEHAVIOURS: Readonly<Record<Misbehaviour, Answer>> = {
  // The caller's own time-out has to end it.
  hang: () => undefined,

  // An acknowledgement that would be whole long after every time-out.
  drip: (response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': ACKNOWLEDGEMENT.length });
    let at = 0;
    const timer = setInterval(() => {
      response.write(ACKNOWLEDGEMENT[at] ?? '');
      at += 1;
      if (at >= ACKNOWLEDGEMENT.length - 1) clearInterval(timer);
    }, DRIP_EVERY_MS);
    response.on('close', () => clearInterval(timer));
  },

  // The write side is closed before a head, within it, or within the body.
  'half-close': (response, { random }) => {
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ACKNOWLEDGEMENT.length}\r\n\r\n`;
    const whole = head + ACKNOWLEDGEMENT;
    response.socket?.end(whole.slice(0, random.integer(0, whole.length - 1)));
  },

  'wrong-body': (response, { random }) => {
    response.writeHead(200, JSON_TYPE).end(random.pick(WRONG_BODIES));
  },

  'status-500': (response) => {
    response.writeHead(500, JSON_TYPE).end(ACKNOWLEDGEMENT);
  },

  redirect: (response, { random, trapUrl }) => {
    response
      .writeHead(random.pick([301, 302, 303, 307, 308]), { ...JSON_TYPE, location: trapUrl })
      .end(ACKNOWLEDGEMENT);
  },

  // An acknowledgement with 50 MB of white space before its last bracket.
  huge: (response) => {
    response.writeHead(200, JSON_TYPE);
    response.write(ACKNOWLEDGEMENT.slice(0, -1));
    let left = HUGE_BYTES;
    const pour = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= CHUNK.length;
        if (!response.write(CHUNK)) return;
      }
      if (!response.destroyed) response.end(ACKNOWLEDGEMENT.slice(-1));
    };
    response.on('drain', pour);
    pour();
  },

  'broken-gzip': (response, { random }) => {
    const whole = gzipSync(ACKNOWLEDGEMENT);
    const broken = Buffer.from(whole);
    broken[random.integer(10, broken.length - 1)]! ^= 0xff;
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' });
    response.end(random.chance(0.5) ? broken : whole.subarray(0, random.integer(1, whole.length - 1)));
  },
};
