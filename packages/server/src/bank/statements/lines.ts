import { ENTRY_CHARACTERS_MAX } from './statement.ts';

export interface Line {
  /** From 1. */
  number: number;
  text: string;
  /** It was longer than a line may be, and what is too much is gone. */
  cut: boolean;
}

/** Cuts a text that comes in pieces into lines. A line ends with CR, LF or both. */
export class LineSplitter {
  #rest = '';
  #cut = false;
  #number = 0;

  push(text: string): Line[] {
    const lines: Line[] = [];
    // A CR at the end of the piece may be the first half of an end of line.
    const whole = this.#rest + text;
    const held = whole.endsWith('\r') ? '\r' : '';
    const parts = whole.slice(0, whole.length - held.length).split(/\r\n|\n|\r/);
    const last = parts.pop() ?? '';
    for (const part of parts) lines.push(this.#line(part));
    this.#cut ||= last.length > ENTRY_CHARACTERS_MAX;
    this.#rest = last.slice(0, ENTRY_CHARACTERS_MAX) + held;
    return lines;
  }

  end(): Line[] {
    const rest = this.#rest.replace(/\r$/, '');
    this.#rest = '';
    return rest === '' ? [] : [this.#line(rest)];
  }

  #line(text: string): Line {
    const cut = this.#cut || text.length > ENTRY_CHARACTERS_MAX;
    this.#cut = false;
    this.#number += 1;
    return { number: this.#number, text: cut ? text.slice(0, ENTRY_CHARACTERS_MAX) : text, cut };
  }
}
