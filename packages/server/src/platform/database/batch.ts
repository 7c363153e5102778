import { CompiledQuery } from 'kysely';
import type { Executor } from './connect.ts';

/** One column of a batch of rows. */
export interface BatchColumn<Row> {
  readonly name: string;
  /** As PostgreSQL names it, without `[]`. */
  readonly type: string;
  /** Its values as the text of one array (`textArray` and its like). */
  readonly array: (rows: readonly Row[]) => string;
}

/** A column whose values come of the rows one by one. @param array what writes the values as one array */
export function batchColumn<Row, Value>(
  name: string,
  type: string,
  array: (values: readonly Value[]) => string,
  value: (row: Row) => Value,
): BatchColumn<Row> {
  return { name, type, array: (rows) => array(rows.map(value)) };
}

/**
 * A batch of rows as the parameters of one statement, an array for each column. The statement's text is made once: a hot
 * one is not built anew for each batch, and a connection that has prepared it knows it again.
 */
export class Batch<Row> {
  readonly #columns: readonly BatchColumn<Row>[];

  constructor(columns: readonly BatchColumn<Row>[]) {
    this.#columns = columns;
  }

  /** `unnest(…) as ALIAS (…)` of these columns, all of them where none is named. */
  unnest(alias: string, names: readonly string[] = this.#columns.map((column) => column.name)): string {
    const arrays = names.map((name) => {
      const index = this.#columns.findIndex((column) => column.name === name);
      const column = this.#columns[index];
      if (column === undefined) throw new TypeError(`a batch has no column ${name}`);
      return `$${index + 1}::${column.type}[]`;
    });
    return `unnest(${arrays.join(', ')}) as ${alias} (${names.join(', ')})`;
  }

  /** Runs a statement that was written around `unnest`. */
  async execute<Found>(db: Executor, statement: string, rows: readonly Row[]): Promise<Found[]> {
    const parameters = this.#columns.map((column) => column.array(rows));
    return (await db.executeQuery<Found>(CompiledQuery.raw(statement, parameters))).rows;
  }
}
