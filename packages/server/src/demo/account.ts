import { columns } from '../cli/print.ts';

/** What the demo tells, a step at a time: a title, then lines of what was seen. */
export interface Account {
  /** Runs one step; says that it held, or why it did not, and goes on throwing. */
  step(title: string, run: (tell: (line: string) => void) => Promise<void>): Promise<void>;
  say(text: string): void;
}

const TITLE_COLUMNS = 62;

/** Writes the account to `out`, with colours where a person watches. */
export function createAccount(out: (text: string) => void, colours: boolean): Account {
  const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  let number = 0;
  return {
    say: out,
    async step(title, run) {
      number += 1;
      const label = `${number}  ${title}`;
      const lines: string[] = [];
      const startedAt = performance.now();
      try {
        await run((line) => lines.push(line));
        const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
        out(
          `${paint(32, '✓')} ${paint(1, label)}${' '.repeat(Math.max(1, TITLE_COLUMNS - columns(label)))}${paint(2, seconds)}`,
        );
      } catch (error) {
        out(`${paint(31, '✗')} ${paint(1, label)}`);
        throw error;
      } finally {
        for (const line of lines) out(`     ${line}`);
      }
    },
  };
}
