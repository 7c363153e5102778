/** Counts work under way, and tells when there is none. */
export class UnderWay {
  #count = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#count > 0) await (this.#idle ??= Promise.withResolvers<void>()).promise;
  }
}
