import { isAbsolute, relative, sep } from 'node:path';
import { appendAudit } from '../audit/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { BankErrorCode, Channel, ChannelChange } from './bank.ts';
import {
  CSV_COLUMNS,
  STATEMENT_ENCODINGS,
  STATEMENT_FORMATS,
  STATEMENT_INFORMATION,
  type StatementSettings,
} from './statement-settings.ts';
import {
  findChannels,
  lockChannel,
  sealChannelSecret,
  writeChannel,
  type ChannelSettings,
  type StoredChannel,
} from './channel-store.ts';
import type { BankContext } from './context.ts';
import { OPERATORS_CHAIN } from './context.ts';
import { addNumbers, retireNumbers } from './sub-account-store.ts';

const COOL_DOWN_DAYS_DEFAULT = 90;
const COOL_DOWN_DAYS_MAX = 3_650;
const SECRET_CHARACTERS_MIN = 32;
const NAME_CHARACTERS_MAX = 200;
const NUMBERS_MAX = 10_000;
const RULE_WIDTH_MAX = 15;

const CHANNEL_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const ACCOUNT_NO = /^[0-9A-Za-z-]{4,34}$/;
const PREFIX = /^[0-9A-Za-z-]{0,20}$/;

function invalid(field: string, expected: string): DomainError<BankErrorCode> {
  return new DomainError('bank_channel_invalid', { field, expected });
}

/** What the caller sees of a channel. */
export function publicChannel({ secretSealed: _secretSealed, ...channel }: StoredChannel): Channel {
  return channel;
}

/** Makes or changes a channel, adds numbers to its pool, and writes into the audit which settings changed. */
export async function setChannel(context: BankContext, change: ChannelChange): Promise<Channel> {
  const { db, vault, clock } = context;
  if (!CHANNEL_NAME.test(change.channel)) {
    throw invalid('channel', '1 to 32 lower-case letters, digits, - or _, a letter or digit first');
  }
  return db.transaction().execute(async (tx) => {
    const present = await lockChannel(tx, change.channel);
    const secretSealed =
      change.secret === undefined
        ? (present?.secretSealed ?? null)
        : sealChannelSecret(vault, change.channel, checkedSecret(change.secret));
    const settings = checkedSettings({ ...draft(change, present), secretSealed });
    await assertOwnFolder(tx, settings);
    const numbers = checkedNumbers(change.addNumbers ?? [], settings);
    const at = clock.now();
    const stored = await writeChannel(tx, settings, at);
    if (present !== undefined && JSON.stringify(present.numbers) !== JSON.stringify(settings.numbers)) {
      await retireNumbers(tx, change.channel, settings.numbers);
    }
    const added = numbers.length === 0 ? 0 : await addNumbers(tx, change.channel, numbers);
    const { actor, secret, addNumbers: _numbers, ...told } = change;
    await appendAudit(tx, {
      appId: OPERATORS_CHAIN,
      actor,
      action: present === undefined ? 'bank_channel.create' : 'bank_channel.change',
      subject: `bank_channel:${change.channel}`,
      detail: { ...told, ...(secret !== undefined && { secret: secret === null ? 'removed' : 'set' }), added },
      at,
    });
    return publicChannel(stored);
  });
}

function draft(change: ChannelChange, present: StoredChannel | undefined): Omit<ChannelSettings, 'secretSealed'> {
  const required = (key: 'mainAccountName' | 'mainAccountBank' | 'mainAccountNo'): string => {
    const value = change[key] ?? present?.[key];
    if (value === undefined) throw invalid(key, 'given for a new channel');
    return value.trim();
  };
  return {
    channel: change.channel,
    mainAccountName: required('mainAccountName'),
    mainAccountBank: required('mainAccountBank'),
    mainAccountNo: required('mainAccountNo'),
    numbers: change.numbers ?? present?.numbers ?? { kind: 'pool' },
    coolDownDays: change.coolDownDays ?? present?.coolDownDays ?? COOL_DOWN_DAYS_DEFAULT,
    enabled: change.enabled ?? present?.enabled ?? true,
    sandbox: change.sandbox ?? present?.sandbox ?? false,
    numberInRemittance: change.numberInRemittance ?? present?.numberInRemittance ?? false,
    statements: change.statements === undefined ? (present?.statements ?? null) : change.statements,
    watchFolder: change.watchFolder === undefined ? (present?.watchFolder ?? null) : change.watchFolder,
  };
}

function checkedSettings(settings: ChannelSettings): ChannelSettings {
  const { numbers, coolDownDays, watchFolder } = settings;
  for (const field of ['mainAccountName', 'mainAccountBank'] as const) {
    if (!isName(settings[field])) throw invalid(field, `1 to ${NAME_CHARACTERS_MAX} characters`);
  }
  if (!ACCOUNT_NO.test(settings.mainAccountNo)) throw invalid('mainAccountNo', '4 to 34 digits, letters or -');
  if (numbers.kind === 'rule') {
    if (!PREFIX.test(numbers.prefix)) throw invalid('numbers.prefix', '20 digits, letters or - at most');
    const { width } = numbers;
    if (!Number.isInteger(width) || width < 1 || width > RULE_WIDTH_MAX) {
      throw invalid('numbers.width', `a whole number from 1 to ${RULE_WIDTH_MAX}`);
    }
    if (!ACCOUNT_NO.test(numbers.prefix + '0'.repeat(width))) throw invalid('numbers', 'of 4 to 34 characters in all');
  }
  if (!Number.isInteger(coolDownDays) || coolDownDays < 0 || coolDownDays > COOL_DOWN_DAYS_MAX) {
    throw invalid('coolDownDays', `a whole number from 0 to ${COOL_DOWN_DAYS_MAX}`);
  }
  if (watchFolder !== null && !isAbsolute(watchFolder)) throw invalid('watchFolder', 'an absolute path');
  if (watchFolder !== null && settings.statements === null)
    throw invalid('statements', 'set where a folder is watched');
  if (settings.statements !== null) assertStatements(settings.statements);
  return settings;
}

/** A file must not be taken for the statement of another channel, nor a file that is done with for a new one. */
async function assertOwnFolder(tx: Transaction, { channel, watchFolder }: ChannelSettings): Promise<void> {
  if (watchFolder === null) return;
  const others = (await findChannels(tx)).filter((other) => other.channel !== channel);
  const isShared = others.some(
    (other) =>
      other.watchFolder !== null && (isIn(other.watchFolder, watchFolder) || isIn(watchFolder, other.watchFolder)),
  );
  if (isShared) throw invalid('watchFolder', 'outside of the folders of other channels');
}

/** Whether a folder is the other one or lies in it. */
function isIn(folder: string, other: string): boolean {
  const path = relative(other, folder);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** @throws DomainError `bank_channel_invalid` */
export function assertStatements(statements: StatementSettings): void {
  if (!STATEMENT_FORMATS.includes(statements.format)) throw invalid('format', `one of ${STATEMENT_FORMATS.join(', ')}`);
  if (!STATEMENT_ENCODINGS.includes(statements.encoding)) {
    throw invalid('encoding', `one of ${STATEMENT_ENCODINGS.join(', ')}`);
  }
  if (!STATEMENT_INFORMATION.includes(statements.information)) {
    throw invalid('information', `one of ${STATEMENT_INFORMATION.join(', ')}`);
  }
  for (const [column, heading] of Object.entries(statements.columns)) {
    const isKnown = (CSV_COLUMNS as readonly string[]).includes(column);
    if (!isKnown || !isName(heading)) throw invalid('map', `COLUMN=HEADING with ${CSV_COLUMNS.join(', ')}`);
  }
}

function checkedSecret(secret: string | null): string | null {
  if (secret !== null && secret.length < SECRET_CHARACTERS_MIN) {
    throw invalid('secret', `${SECRET_CHARACTERS_MIN} characters at least`);
  }
  return secret;
}

function checkedNumbers(numbers: readonly string[], settings: ChannelSettings): readonly string[] {
  if (numbers.length > 0 && settings.numbers.kind === 'rule')
    throw invalid('addNumbers', 'empty where a rule makes them');
  if (numbers.length > NUMBERS_MAX) throw invalid('addNumbers', `${NUMBERS_MAX} at once at most`);
  const wrong = numbers.find((number) => !ACCOUNT_NO.test(number) || number === settings.mainAccountNo);
  if (wrong !== undefined) throw invalid('addNumbers', 'account numbers of 4 to 34 digits, letters or -');
  return numbers;
}

function isName(text: string): boolean {
  const length = Array.from(text).length;
  return length >= 1 && length <= NAME_CHARACTERS_MAX && !/\p{Cc}/u.test(text);
}
