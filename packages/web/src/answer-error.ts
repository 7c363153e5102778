/** An answer that is a refusal, or no answer: `offline`. What a page does about it hangs on its code. */
export class AnswerError<Code extends string = string> extends Error {
  override readonly name: string = 'AnswerError';
  readonly code: Code | 'offline' | 'internal';

  constructor(code: Code | 'offline' | 'internal') {
    super(code);
    this.code = code;
  }
}
