import type { SignerErrorAnswer } from './contract.ts';

/** A refusal of this dialect itself. */
export class Refusal extends Error {
  readonly status: 401 | 409 | 429;
  readonly body: SignerErrorAnswer;

  constructor(status: 401 | 409 | 429, body: SignerErrorAnswer) {
    super(body.message);
    this.status = status;
    this.body = body;
  }
}
