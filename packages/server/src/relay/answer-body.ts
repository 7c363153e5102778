import { isUtf8 } from 'node:buffer';
import { valueAtPath } from './json-path.ts';

/** The body of an answer, read as text and as JSON once and only when a rule asks for it. */
export class AnswerBody {
  readonly #bytes: Buffer;
  readonly #truncated: boolean;
  #text: string | null | undefined;
  #json: { readonly value: unknown } | null | undefined;

  /** @param answer where `truncated`, the body is none: a rule must not fit what was cut off */
  constructor(answer: { readonly body: Buffer; readonly truncated: boolean }) {
    this.#bytes = answer.body;
    this.#truncated = answer.truncated;
  }

  /** The whole body without a byte order mark; null where it was cut off or is not UTF-8. */
  get text(): string | null {
    if (this.#text === undefined) this.#text = this.#decode();
    return this.#text;
  }

  /** What stands at `path` (keys joined by dots) of the JSON object that the body is; undefined where nothing does. */
  at(path: string): unknown {
    if (this.#json === undefined) this.#json = this.#parse();
    return this.#json === null ? undefined : valueAtPath(this.#json.value, path);
  }

  #decode(): string | null {
    if (this.#truncated || !isUtf8(this.#bytes)) return null;
    const text = this.#bytes.toString('utf8');
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  #parse(): { value: unknown } | null {
    const { text } = this;
    if (text === null) return null;
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      return null;
    }
  }
}
