import { chinaDate } from '../../platform/clock.ts';
import { parseAmount } from '../amount.ts';
import { parseMoment, type Moment } from './moment.ts';
import { checkedEntry, textOrNull, type StatementItem } from './statement.ts';

/** Elements with text, by their path below the part they stand in: `RltdPties/Dbtr/Nm`. */
interface CamtPart {
  raw: string;
  leaves: Map<string, string>;
  /** The Ccy attribute of the amounts among them. */
  currencies: Map<string, string>;
}

/** What an entry (Ntry) says for all of its transactions. */
export interface CamtHeader extends CamtPart {
  /** The account of the statement (Acct/Id). */
  account: readonly string[];
}

/** One of the entry's transactions (NtryDtls/TxDtls). */
export interface CamtDetails extends CamtPart {
  /** From 1, within the entry. */
  number: number;
  depth: number;
}

type Read = (...paths: string[]) => string | undefined;

const reader =
  (part: CamtPart | null): Read =>
  (...paths) =>
    paths.map((path) => part?.leaves.get(path)).find((text) => text !== undefined);

/**
 * One transaction of an entry. Where the entry has several, each has the amount and reference of its own; where it has
 * one, the entry's stand for it.
 */
export function itemOf(
  line: number,
  header: CamtHeader,
  details: CamtDetails | null,
  isOneOfSeveral: boolean,
): StatementItem {
  const ofEntry = reader(header);
  const ofDetails = reader(details);
  const fault = (reason: string): StatementItem => ({ kind: 'fault', line, reason });

  const amount = amountOf(header, details, isOneOfSeveral);
  if ('fault' in amount) return fault(amount.fault);
  const direction = ofDetails('CdtDbtInd') ?? ofEntry('CdtDbtInd');
  if (direction !== 'CRDT' && direction !== 'DBIT') return fault('direction_not_understood');
  const status = ofEntry('Sts', 'Sts/Cd', 'Sts/Prtry');
  if (status === undefined) return fault('status_missing');
  const moment = momentOf(ofEntry, ofDetails);
  if (moment === undefined) return fault('date_not_understood');

  const checked = checkedEntry({
    bizFlowNo: referenceOf(ofEntry, details, isOneOfSeveral, moment),
    amountFen: amount.fen,
    currency: amount.currency,
    creditDebit: direction === 'CRDT' ? 'credit' : 'debit',
    booked: status === 'BOOK',
    reversal: isTrue(ofEntry('RvslInd')),
    payerName: ofDetails('RltdPties/Dbtr/Nm', 'RltdPties/Dbtr/Pty/Nm') ?? '',
    payerAccountNo: textOrNull(ofDetails('RltdPties/DbtrAcct/Id/IBAN', 'RltdPties/DbtrAcct/Id/Othr/Id')),
    payerBankName: textOrNull(
      ofDetails(
        'RltdAgts/DbtrAgt/FinInstnId/Nm',
        'RltdAgts/DbtrAgt/FinInstnId/BICFI',
        'RltdAgts/DbtrAgt/FinInstnId/BIC',
      ),
    ),
    tradedAt: moment.at,
    dateOnly: moment.dateOnly,
    remittance: ofDetails('RmtInf/Ustrd', 'AddtlTxInf') ?? ofEntry('AddtlNtryInf') ?? '',
    accounts: [ofDetails('RltdPties/CdtrAcct/Id/IBAN', 'RltdPties/CdtrAcct/Id/Othr/Id') ?? '', ...header.account],
    otherReferences: ['Refs/Prtry/Ref', 'Refs/TxId', 'Refs/EndToEndId', 'Refs/InstrId', 'Refs/AcctSvcrRef']
      .map((path) => ofDetails(path) ?? '')
      .filter((reference) => reference !== '' && reference !== 'NOTPROVIDED'),
  });
  if ('fault' in checked) return fault(checked.fault);
  return { kind: 'entry', line, raw: header.raw + (details?.raw ?? ''), entry: checked.entry };
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}

function amountOf(
  header: CamtHeader,
  details: CamtDetails | null,
  isOneOfSeveral: boolean,
): { fen: number; currency: string } | { fault: string } {
  const own = ['Amt', 'AmtDtls/TxAmt/Amt'].find((path) => details?.leaves.has(path));
  const part = isOneOfSeveral ? details : header;
  const path = isOneOfSeveral ? own : 'Amt';
  if (part === null || path === undefined) return { fault: 'amount_missing' };
  const amount = parseAmount(part.leaves.get(path) ?? '', 'decimal');
  if ('fault' in amount) return amount;
  return { fen: amount.fen, currency: part.currencies.get(path) ?? '' };
}

/**
 * The account servicer's reference, which names the movement for good. NtryRef comes last: with some banks it counts the
 * entries of a statement, so a short number is taken with the day. Of several transactions under one reference each is
 * told apart by its place.
 */
function referenceOf(ofEntry: Read, details: CamtDetails | null, isOneOfSeveral: boolean, { at }: Moment): string {
  const own = details?.leaves.get('Refs/AcctSvcrRef');
  const counted = ofEntry('NtryRef');
  const ofDay = counted !== undefined && /^\d{1,6}$/.test(counted) ? `${chinaDate(at)}/${counted}` : counted;
  const ofAll = ofEntry('AcctSvcrRef');
  if (!isOneOfSeveral) return ofAll ?? own ?? ofDay ?? '';
  if (own !== undefined && own !== ofAll) return own;
  const shared = ofAll ?? ofDay;
  return shared === undefined ? '' : `${shared}/${details?.number ?? 1}`;
}

/** When the payment was made, else when it was booked. */
function momentOf(ofEntry: Read, ofDetails: Read): Moment | undefined {
  const texts = [
    ofDetails('RltdDts/TxDtTm', 'RltdDts/AccptncDtTm'),
    ofEntry('BookgDt/DtTm', 'BookgDt/Dt'),
    ofEntry('ValDt/DtTm', 'ValDt/Dt'),
  ];
  const moments = texts.map((text) => (text === undefined ? undefined : parseMoment(text)));
  return moments.find((moment) => moment !== undefined);
}
