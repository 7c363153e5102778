import type { ErrorAnswer } from './contract.ts';

/** A refusal of this dialect itself. */
export class Refusal extends Error {
  readonly status: 401 | 409 | 429;
  readonly body: ErrorAnswer;

  constructor(status: 401 | 409 | 429, body: ErrorAnswer) {
    super(body.message);
    this.status = status;
    this.body = body;
  }
}
