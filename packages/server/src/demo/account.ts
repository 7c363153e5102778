/** What the demo tells, a step at a time: a title, then lines of what was seen as it is seen, then whether it held. */
export interface Account {
  /** Runs one step; says that it held, or that it did not, and goes on throwing. */
  step(title: string, run: (tell: (line: string) => void) => Promise<void>): Promise<void>;
  say(text: string): void;
}

const GREEN = 32;
const RED = 31;
const BOLD = 1;
const DIM = 2;

/** Writes the account to `out`, with colours where a person watches. */
export function createAccount(out: (text: string) => void, colours: boolean): Account {
  const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  let number = 0;
  return {
    say: out,
    async step(title, run) {
      number += 1;
      out(paint(BOLD, `${number}  ${title}`));
      const startedAt = performance.now();
      try {
        await run((line) => out(`     ${line}`));
        const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
        out(`   ${paint(GREEN, '✓')} ${paint(DIM, seconds)}`);
      } catch (error) {
        out(`   ${paint(RED, '✗')}`);
        throw error;
      }
    },
  };
}
