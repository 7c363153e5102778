import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { appendAudit } from '../audit/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import type { BankErrorCode, ImportInput, ImportResult } from './bank.ts';
import type { StatementSettings } from './statement-settings.ts';
import { storeArrivals, type Arrival, type ArrivalOutcome } from './arrivals.ts';
import { assertStatements } from './channels.ts';
import { findChannel, markConsulted, mergedStatements, type StoredChannel } from './channel-store.ts';
import { OPERATORS_CHAIN, type BankContext } from './context.ts';
import { inTransactionRetried, isOfTheDatabase } from './retried.ts';
import { decodeStatement } from './statements/decode.ts';
import { openStatement } from './statements/open-statement.ts';
import { StatementError, type StatementItem } from './statements/statement.ts';

/**
 * Lines that are stored in one transaction. Payments that are matched lock their applications' audit chains until it
 * ends, so it is short.
 */
const BATCH_LINES = 200;
/** Or fewer, of this many characters together: entries may be long. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;
const FAULTS_TOLD_MAX = 1_000;
const FILE_NAME_CHARACTERS_MAX = 200;

/**
 * Imports a statement: each line is stored and matched once, whoever brings it and however often. A line that cannot be
 * read is reported and the others go on. Memory is flat, however long the file is.
 */
export async function importStatement(context: BankContext, input: ImportInput): Promise<ImportResult> {
  const { db, clock } = context;
  const channel = await findChannel(db, input.channel);
  if (channel === undefined) {
    throw new DomainError<BankErrorCode>('bank_channel_not_found', { channel: input.channel });
  }
  const settings = mergedStatements(channel.statements, input);
  if (settings === undefined) {
    throw new DomainError<BankErrorCode>('bank_channel_invalid', { field: 'format', expected: 'given' });
  }
  assertStatements(settings);
  const startedAt = clock.now();
  const importId = hexId();
  const fileName = input.fileName.replaceAll(/\p{Cc}/gu, '').slice(0, FILE_NAME_CHARACTERS_MAX);
  const audit = (tx: Transaction, action: string, detail: Record<string, unknown>): Promise<void> =>
    appendAudit(tx, {
      appId: OPERATORS_CHAIN,
      actor: input.actor,
      action,
      subject: `bank_channel:${channel.channel}`,
      detail: { importId, fileName, format: settings.format, ...detail },
      at: clock.now(),
    });
  await db.transaction().execute(async (tx) => {
    await sql`
      insert into bank_import (import_id, channel, format, file_name, actor, started_at)
      values (${importId}, ${channel.channel}, ${settings.format}, ${fileName}, ${input.actor}, ${startedAt})
    `.execute(tx);
    await audit(tx, 'bank_statement.import', {});
  });

  const run = new ImportRun(context, channel, settings, importId, input.onProgress);
  try {
    await run.read(input.content);
  } catch (error) {
    if (error instanceof StatementError) {
      const { reason } = error;
      throw new DomainError<BankErrorCode>('statement_invalid', { reason }, { cause: error });
    }
    throw error;
  }
  const { result, sha256 } = run;
  await db.transaction().execute(async (tx) => {
    await sql`
      update bank_import set ended_at = ${clock.now()}, file_sha256 = ${sha256}, result = ${JSON.stringify(result)}::jsonb
      where import_id = ${importId}
    `.execute(tx);
    // A file of which not one line could be read tells nothing of what the bank has.
    const wasRead = result.lines === 0 || result.faultCount < result.lines;
    if (result.complete && wasRead) await markConsulted(tx, channel.channel, startedAt);
    const { faults: _faults, channel: _channel, ...counts } = result;
    await audit(tx, 'bank_statement.imported', { sha256: sha256.toString('hex'), ...counts });
  });
  return result;
}

type Batch = { line: number; arrival: Arrival }[];

/** One import under way. */
class ImportRun {
  readonly result: ImportResult;
  readonly #context: BankContext;
  readonly #channel: StoredChannel;
  readonly #settings: StatementSettings;
  readonly #onProgress: ImportInput['onProgress'];
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #lastLine = 0;
  #batch: Batch = [];
  #batchCharacters = 0;

  constructor(
    context: BankContext,
    channel: StoredChannel,
    settings: StatementSettings,
    importId: string,
    onProgress: ImportInput['onProgress'],
  ) {
    this.#context = context;
    this.#channel = channel;
    this.#settings = settings;
    this.#onProgress = onProgress;
    this.result = {
      importId,
      channel: channel.channel,
      lines: 0,
      new: 0,
      known: 0,
      matched: 0,
      failed: 0,
      nearMisses: 0,
      unclaimed: 0,
      faults: [],
      faultCount: 0,
      complete: false,
    };
  }

  /** Of the bytes that were read. */
  get sha256(): Buffer {
    return this.#hash.copy().digest();
  }

  /** @throws StatementError where not one line stands before the fault; a later one only ends the import */
  async read(content: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = openStatement(this.#settings);
    try {
      for await (const text of decodeStatement(this.#counted(content), this.#settings.encoding)) {
        await this.#take(reader.push(text));
        this.#onProgress?.({ bytes: this.#bytes, lines: this.result.lines });
      }
      await this.#take(reader.end());
      this.result.complete = true;
    } catch (error) {
      if (!(error instanceof StatementError) || this.result.lines === 0) throw error;
      this.#fault(this.#lastLine, error.reason);
    }
    await this.#flush();
    this.#onProgress?.({ bytes: this.#bytes, lines: this.result.lines });
  }

  async *#counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      this.#bytes += piece.length;
      this.#hash.update(piece);
      yield piece;
    }
  }

  async #take(items: readonly StatementItem[]): Promise<void> {
    for (const item of items) {
      this.result.lines += 1;
      this.#lastLine = item.line;
      if (item.kind === 'fault') this.#fault(item.line, item.reason);
      else {
        const { entry, raw, line } = item;
        const { importId } = this.result;
        this.#batch.push({ line, arrival: { entry, raw, source: this.#settings.format, importId } });
        this.#batchCharacters += raw.length;
      }
      if (this.#batch.length >= BATCH_LINES || this.#batchCharacters >= BATCH_CHARACTERS) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchCharacters = 0;
    if (batch.length === 0) return;
    try {
      await this.#store(batch);
    } catch (error) {
      if (isOfTheDatabase(error)) throw error;
      // One line spoils it: the others are stored without it.
      for (const one of batch) await this.#storeAlone(one);
    }
  }

  async #storeAlone(one: Batch[number]): Promise<void> {
    try {
      await this.#store([one]);
    } catch (error) {
      if (isOfTheDatabase(error)) throw error;
      this.#context.log.error({ err: error, channel: this.#channel.channel, line: one.line }, 'a line was not stored');
      this.#fault(one.line, 'not_stored');
    }
  }

  async #store(batch: Batch): Promise<void> {
    const arrivals = batch.map(({ arrival }) => arrival);
    const outcomes = await inTransactionRetried(this.#context.db, (tx) =>
      storeArrivals(this.#context, tx, this.#channel, arrivals),
    );
    for (const [index, outcome] of outcomes.entries()) this.#count(outcome, batch[index]?.line ?? 0);
  }

  #count(outcome: ArrivalOutcome, line: number): void {
    const { result } = this;
    if (outcome.kind === 'conflict') return this.#fault(line, 'reference_of_another_transaction');
    if (outcome.known) {
      result.known += 1;
      return;
    }
    result.new += 1;
    const counter = ({ paid: 'matched', failed: 'failed', near_miss: 'nearMisses', unclaimed: 'unclaimed' } as const)[
      outcome.verdict.kind
    ];
    result[counter] += 1;
  }

  #fault(line: number, reason: string): void {
    this.result.faultCount += 1;
    if (this.result.faults.length < FAULTS_TOLD_MAX) this.result.faults.push({ line, reason });
  }
}
