import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A peer made of bare sockets, so that it can misbehave in any way. It is gone with the test. */
export interface Peer {
  readonly port: number;
  /** Every connection so far. */
  readonly sockets: Socket[];
  /** Every request so far, head and body as they came. */
  readonly requests: string[];
}

export interface PeerOptions {
  readonly address?: string;
  readonly tls?: TlsOptions;
  /** Called for every connection. */
  readonly onConnection?: (socket: Socket) => void;
  /** Called for every whole request: a head, and as many bytes after it as its Content-Length says. */
  readonly onRequest?: (socket: Socket, request: string) => void;
}

export async function startPeer(options: PeerOptions): Promise<Peer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const accept = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    options.onConnection?.(socket);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = requestLength(received);
      if (length === undefined) return;
      const request = received.subarray(0, length).toString();
      received = received.subarray(length);
      requests.push(request);
      options.onRequest?.(socket, request);
    });
  };
  const server: Server =
    options.tls === undefined ? createServer({ allowHalfOpen: true }, accept) : createTlsServer(options.tls, accept);
  server.on('tlsClientError', () => undefined);
  server.listen(0, options.address ?? '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, requests };
}

/** A whole answer with its Content-Length. */
export function answerOf(body: string | Buffer, status = '200 OK', headers = ''): Buffer {
  const head = `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

/** Writes `chunk` again and again, until the other side has had enough. */
export function pour(socket: Socket, chunk: Buffer | string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

/** Writes `chunk` every 10 ms. */
export function drip(socket: Socket, chunk: string): void {
  const timer = setInterval(() => socket.write(chunk), 10);
  socket.on('close', () => clearInterval(timer));
}

export interface TestCertificates {
  readonly authorityPem: string;
  /** For the names given. */
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** An authority of its own and a certificate for `subjectAltName`, such as `DNS:partner.test,IP:127.0.0.1`. */
export function makeCertificates(subjectAltName: string): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), 'yinxin-tls-'));
  const file = (name: string): string => join(directory, name);
  const openssl = (...words: string[]): void => void execFileSync('openssl', words, { stdio: 'pipe' });
  try {
    const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl(...fresh, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Test authority');
    const issuer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')];
    const names = ['-subj', '/CN=Test peer', '-addext', `subjectAltName=${subjectAltName}`];
    openssl(
      ...fresh,
      ...issuer,
      ...names,
      '-addext',
      'basicConstraints=critical,CA:FALSE',
      '-keyout',
      file('peer.key'),
      '-out',
      file('peer.pem'),
    );
    return {
      authorityPem: readFileSync(file('ca.pem'), 'utf8'),
      key: readFileSync(file('peer.key')),
      cert: readFileSync(file('peer.pem')),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function requestLength(received: Buffer): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const declared = /^content-length: (\d+)/im.exec(received.subarray(0, headEnd).toString());
  const length = headEnd + 4 + Number(declared?.[1] ?? 0);
  return received.length >= length ? length : undefined;
}
