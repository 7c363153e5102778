import { connect, type Socket } from 'node:net';

/** The code of an answer's body and when its request fell due. */
type Answered = (connection: LoadConnection, code: string) => void;

/** A request under way. */
interface Underway {
  readonly group: string;
  readonly dueMs: number;
}

const HEAD_END = '\r\n\r\n';
const LENGTH = /content-length: (\d+)/i;
const CODE = /"code":"([^"]*)"/;

/** One HTTP connection with one request under way at a time, as cheap as can be: it shares the processor with the rest. */
export class LoadConnection {
  underway: Underway | null = null;
  /** Which of the origins it leads to. */
  readonly originIndex: number;
  readonly #origin: URL;
  readonly #answered: Answered;
  #socket: Socket | null = null;
  #received = '';

  constructor(origins: readonly string[], originIndex: number, answered: Answered) {
    this.originIndex = originIndex;
    this.#origin = new URL(origins[originIndex] ?? '');
    this.#answered = answered;
  }

  send(request: Buffer, underway: Underway): void {
    this.underway = underway;
    this.#socket ??= this.#open();
    this.#socket.write(request);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#origin.hostname, port: Number(this.#origin.port), noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#socket = null;
      this.#received = '';
      if (this.underway !== null) this.#end('lost');
    });
    return socket;
  }

  #receive(chunk: string): void {
    this.#received = this.#received === '' ? chunk : this.#received + chunk;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const bodyLength = Number(LENGTH.exec(head)?.[1] ?? 0);
    const bodyAt = headEnd + HEAD_END.length;
    if (this.#received.length < bodyAt + bodyLength) return;
    const code = CODE.exec(this.#received.slice(bodyAt))?.[1] ?? `http_${head.slice(9, 12)}`;
    this.#received = '';
    this.#end(code);
  }

  #end(code: string): void {
    this.#answered(this, code);
  }
}
