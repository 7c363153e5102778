/** `node packages/server/test/corpus/run.ts [--only NAME] [--table FILE]`: see docs/pdf-corpus.md. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runCorpus } from './corpus.ts';
import { corpusTable, examinedLine } from './table.ts';

const FILES_AT_ONCE = 2;

const { values } = parseArgs({ options: { only: { type: 'string' }, table: { type: 'string' } } });
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const result = await runCorpus({
  bring: true,
  filesAtOnce: FILES_AT_ONCE,
  onExamined: (examined) => print(examinedLine(examined)),
  ...(values.only !== undefined && { only: values.only }),
});
for (const name of result.missing) print(`not here: ${name}`);
const failed = result.examined.filter(({ faults }) => faults.length > 0).length;
const signed = result.examined.filter(({ outcome }) => outcome.kind === 'signed').length;
print(
  `${result.examined.length} files: ${signed} signed twice, ${result.examined.length - signed} refused, ${failed} with faults`,
);
if (values.table !== undefined) await writeFile(values.table, corpusTable(result));
process.exitCode = failed > 0 ? 1 : 0;
