/** A code of the contract and its words (contracts/tsign-identity.md, Errors). */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}
