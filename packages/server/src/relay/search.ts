import { DomainError } from '../platform/errors.ts';
import type { DeliveryState } from './delivery.ts';

export interface DeliveryFilter {
  readonly appId?: string;
  readonly calleeNo?: string;
  readonly state?: DeliveryState;
  readonly messageType?: string;
  /** Of those under way: an ended delivery keeps no ordering key. */
  readonly orderingKey?: string;
  /** Accepted then or later. */
  readonly from?: Date;
  /** Accepted before then. */
  readonly to?: Date;
  /** Stands in the message's source text, byte for byte; needs `appId` or `from`. */
  readonly text?: string;
  /** False: without those of which a later message of their ordering key says what counts. */
  readonly superseded?: false;
  /** Only deliveries older than this one: the last `requestId` of the page before. */
  readonly before?: string;
  readonly limit: number;
}

/** `search_unbounded` · `search_too_slow` {seconds}: the filter leaves too much to look through. */
export type SearchErrorCode = 'search_unbounded' | 'search_too_slow';

/** How long the database may look for one page. */
export const SEARCH_SECONDS_MAX = 10;

/** Texts of messages stand in no index: a look through all that were ever accepted is refused. */
export function assertSearchable(filter: Pick<DeliveryFilter, 'text' | 'appId' | 'from'>): void {
  if (filter.text !== undefined && filter.appId === undefined && filter.from === undefined) {
    throw new DomainError<SearchErrorCode>('search_unbounded');
  }
}
