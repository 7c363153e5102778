import type { CorpusResult } from './corpus.ts';
import type { Examined } from './examine.ts';

/** One line for the terminal. */
export function examinedLine({ name, origin, facts, outcome, faults }: Examined): string {
  const result = outcome.kind === 'signed' ? 'signed twice' : `refused: ${outcome.reason}`;
  const fault = faults.length > 0 ? `  FAULT ${faults.join('; ')}` : '';
  return `${name} (${origin}; ${facts.traits.join(', ')}): ${result}${fault}`;
}

/** The table of docs/pdf-corpus.md. */
export function corpusTable({ examined }: CorpusResult): string {
  const rows = examined.map(({ name, origin, byteLength, facts, outcome, faults }) => {
    const result = outcome.kind === 'signed' ? 'signed twice' : `refused: \`${outcome.reason}\``;
    const kilobytes = byteLength < 10_240 ? `${byteLength} B` : `${Math.round(byteLength / 1024)} KB`;
    const cells = [name, origin, kilobytes, String(facts.pageCount ?? '–'), facts.traits.join(', '), result];
    return `| ${cells.join(' | ')} |${faults.length > 0 ? ` ${faults.join('; ')} |` : ''}`;
  });
  return ['| file | from | size | pages | what it is | result |', '|---|---|---|---|---|---|', ...rows, ''].join('\n');
}
