import type { StatementFormat } from '../statement-settings.ts';
import { itemOf, type CamtDetails, type CamtHeader } from './camt-entry.ts';
import { ENTRY_CHARACTERS_MAX, StatementError, type StatementItem, type StatementReader } from './statement.ts';
import { attributeOf, XmlTokenizer, type XmlHandler } from './xml.ts';

/** The element that holds the entries of each message (ISO 20022, all versions). */
const CONTAINERS: Readonly<Record<string, StatementFormat>> = { Rpt: 'camt052', Stmt: 'camt053', Ntfctn: 'camt054' };
const DEPTH_MAX = 64;
const LEAVES_MAX = 500;

/** Reads a camt.052, camt.053 or camt.054 message. The line of an item is the number of its entry. */
export function createCamtReader(format: 'camt052' | 'camt053' | 'camt054'): StatementReader {
  const message = new CamtMessage(format);
  const tokenizer = new XmlTokenizer(message);
  let failure: unknown;
  /** Entries that were whole before a fault of the file are handed out first; the fault comes with the next call. */
  const taken = (step: () => void): StatementItem[] => {
    if (failure === undefined) {
      try {
        step();
      } catch (error) {
        failure = error;
      }
    }
    const items = message.take();
    if (failure !== undefined && items.length === 0) throw failure;
    return items;
  };
  return {
    push: (text) => taken(() => tokenizer.push(text)),
    end() {
      const items = taken(() => {
        tokenizer.end();
        message.assertWhole();
      });
      // Whatever the file's end completes was handed out by the push before; a fault must not go unheard.
      if (failure !== undefined) throw failure;
      return items;
    },
  };
}

/** An entry that is being read. Of its transaction details one is held: whether it is the only one is known later. */
interface OpenEntry {
  number: number;
  /** How deep the element Ntry stands. */
  depth: number;
  header: CamtHeader;
  held: CamtDetails | null;
  details: number;
  /** The details that are being read. */
  open: CamtDetails | null;
  fault: string | null;
}

class CamtMessage implements XmlHandler {
  readonly #format: StatementFormat;
  readonly #path: string[] = [];
  #items: StatementItem[] = [];
  #entries = 0;
  #containers = 0;
  #account: string[] = [];
  #leaf = '';
  #currency: string | undefined;
  #entry: OpenEntry | null = null;

  constructor(format: StatementFormat) {
    this.#format = format;
  }

  take(): StatementItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  assertWhole(): void {
    if (this.#path.length > 0) throw new StatementError('file_ends_too_early');
    if (this.#containers === 0) throw new StatementError(`no_${this.#format}_in_file`);
  }

  open(name: string, attributes: string, raw: string): void {
    const parent = this.#path.at(-1) ?? '';
    const entry = this.#entry;
    if (name === 'Ntry' && (entry !== null || Object.hasOwn(CONTAINERS, parent))) return this.#openEntry(raw);
    if (entry === null && Object.hasOwn(CONTAINERS, name)) this.#openContainer(name);
    if (this.#path.length >= DEPTH_MAX) throw new StatementError('xml_too_deep');
    this.#path.push(name);
    this.#leaf = '';
    this.#currency = name.endsWith('Amt') ? attributeOf(attributes, 'Ccy') : undefined;
    if (entry === null) return;
    if (name === 'TxDtls' && entry.open === null) {
      // What is known of the details before is known whole now: they were not the only ones.
      entry.details += 1;
      if (entry.held !== null) this.#emit(entry, entry.held);
      entry.held = null;
      entry.open = {
        number: entry.details,
        depth: this.#path.length,
        raw: '',
        leaves: new Map(),
        currencies: new Map(),
      };
    }
    this.#keepRaw(entry, raw);
  }

  text(text: string, raw: string): void {
    if (this.#path.length === 0) {
      if (/\S/.test(text.replace('\ufeff', ''))) throw new StatementError('not_xml');
      return;
    }
    if (this.#leaf.length <= ENTRY_CHARACTERS_MAX) this.#leaf += text;
    if (this.#entry !== null) this.#keepRaw(this.#entry, raw);
  }

  close(name: string, raw: string): void {
    const entry = this.#entry;
    if (entry === null) return this.#closeOutside(name);
    if (name === 'Ntry') return this.#closeEntry(entry, raw);
    if (Object.hasOwn(CONTAINERS, name)) {
      this.#endBroken(entry, 'entry_not_closed');
      return this.#closeOutside(name);
    }
    this.#keepRaw(entry, raw);
    if (entry.fault !== null) return;
    if (this.#path.at(-1) !== name || this.#path.length <= entry.depth) {
      entry.fault = 'xml_malformed';
      return;
    }
    this.#keepLeaf(entry);
    this.#path.pop();
    this.#leaf = '';
    if (entry.open !== null && this.#path.length < entry.open.depth) {
      entry.held = entry.open;
      entry.open = null;
    }
  }

  malformed(raw: string): void {
    if (this.#entry === null) throw new StatementError('xml_malformed');
    this.#entry.fault ??= 'xml_malformed';
    this.#keepRaw(this.#entry, raw);
  }

  #openContainer(name: string): void {
    if (CONTAINERS[name] !== this.#format) throw new StatementError(`file_is_${CONTAINERS[name] ?? 'another'}`);
    this.#containers += 1;
    this.#account = [];
  }

  #closeOutside(name: string): void {
    if (this.#path.at(-1) !== name) throw new StatementError('xml_malformed');
    const place = this.#path.slice(-4).join('/');
    if (/^(?:Rpt|Stmt|Ntfctn)\/Acct\/Id\/IBAN$|^Acct\/Id\/Othr\/Id$/.test(place)) this.#account.push(this.#leaf.trim());
    this.#path.pop();
    this.#leaf = '';
  }

  #openEntry(raw: string): void {
    if (this.#entry !== null) this.#endBroken(this.#entry, 'entry_not_closed');
    this.#entries += 1;
    this.#path.push('Ntry');
    this.#entry = {
      number: this.#entries,
      depth: this.#path.length,
      header: { raw, leaves: new Map(), currencies: new Map(), account: this.#account },
      held: null,
      details: 0,
      open: null,
      fault: null,
    };
  }

  #closeEntry(entry: OpenEntry, raw: string): void {
    if (entry.fault === null && this.#path.length !== entry.depth) entry.fault = 'xml_malformed';
    this.#keepRaw(entry, raw);
    this.#emitLast(entry);
    this.#leave(entry);
  }

  #endBroken(entry: OpenEntry, fault: string): void {
    entry.fault ??= fault;
    this.#emitLast(entry);
    this.#leave(entry);
  }

  #leave(entry: OpenEntry): void {
    this.#path.length = entry.depth - 1;
    this.#leaf = '';
    this.#entry = null;
  }

  /** Details that were whole before a fault stand; the entry without details, or with the last one, is told now. */
  #emitLast(entry: OpenEntry): void {
    if (entry.fault === null) return this.#emit(entry, entry.held);
    if (entry.held !== null && entry.details > 1) this.#emit(entry, entry.held);
    this.#items.push({ kind: 'fault', line: entry.number, reason: entry.fault });
  }

  #emit(entry: OpenEntry, details: CamtDetails | null): void {
    this.#items.push(itemOf(entry.number, entry.header, details, entry.details > 1));
  }

  #keepLeaf(entry: OpenEntry): void {
    const text = this.#leaf.trim();
    if (text === '') return;
    const part = entry.open ?? entry.header;
    const from = entry.open?.depth ?? entry.depth;
    const key = this.#path.slice(from).join('/');
    if (part.leaves.size >= LEAVES_MAX) entry.fault = 'entry_too_long';
    // Remittance text comes in lines of 140 characters; of everything else the first is meant.
    if (key === 'RmtInf/Ustrd') part.leaves.set(key, (part.leaves.get(key) ?? '') + text);
    else if (!part.leaves.has(key)) part.leaves.set(key, text);
    if (this.#currency !== undefined && !part.currencies.has(key)) part.currencies.set(key, this.#currency);
  }

  #keepRaw(entry: OpenEntry, raw: string): void {
    const part = entry.open ?? entry.header;
    if (part.raw.length + raw.length > ENTRY_CHARACTERS_MAX) entry.fault ??= 'entry_too_long';
    // Between two details nothing is kept: white space alone stands there, for each of a hundred thousand.
    else if (entry.open !== null || entry.details === 0) part.raw += raw;
  }
}
