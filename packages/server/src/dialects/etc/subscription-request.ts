import { compactJsonText, type JsonMember } from '../../platform/json-text.ts';
import {
  EVENT_KEY_CHARACTERS_MAX,
  type NewSubscription,
  type PublishedEvent,
  type SubscriptionPlace,
} from '../../subscriptions/index.ts';
import { CALLBACK_LIMITS, CallbackFormError, missing, readMembers, text } from './callback-request.ts';

/** Choices where the source is silent. */
const SUBSCRIBER_CHARACTERS_MAX = 64;
const EVENT_PART_CHARACTERS_MAX = 128;

/** A body of `POST /api/subscription`. @throws CallbackFormError */
export function parseSubscriptionRequest(body: Buffer): NewSubscription {
  const members = readMembers(body);
  const place = readPlace(members);
  const subscriber = text(members, 'subscriber', SUBSCRIBER_CHARACTERS_MAX);
  return { ...place, subscriber: subscriber === '' ? null : subscriber, isSignature: readIsSignature(members) };
}

/** A body of `POST /api/unsubscribe`. @throws CallbackFormError */
export function parseUnsubscribeRequest(body: Buffer): SubscriptionPlace {
  return readPlace(readMembers(body));
}

/**
 * A body of `POST /api/publish`. What subscribers receive is the body without `app_id`, which says who publishes and is
 * no part of the event; every value keeps its source text. @throws CallbackFormError
 */
export function parsePublishRequest(body: Buffer): PublishedEvent {
  const members = readMembers(body);
  const appId = required(members, 'app_id', CALLBACK_LIMITS.appIdCharactersMax);
  const levels = [
    readPart(members, 'event_source'),
    readPart(members, 'event_topic'),
    readPart(members, 'event_type'),
    readPart(members, 'event_status'),
  ] as const;
  const eventKey = text(members, 'event_key', EVENT_KEY_CHARACTERS_MAX);
  const changes = members.get('changes');
  if (changes === undefined || changes.kind === 'null') throw missing('changes');
  if (changes.kind !== 'array') throw new CallbackFormError('参数changes必须是JSON数组');
  return { appId, levels, eventKey: eventKey === '' ? null : eventKey, content: eventText(members) };
}

function eventText(members: ReadonlyMap<string, JsonMember>): string {
  const kept = [...members.values()].filter(({ key }) => key !== 'app_id');
  return `{${kept.map(({ key, source }) => `${JSON.stringify(key)}:${compactJsonText(source)}`).join(',')}}`;
}

function readPlace(members: ReadonlyMap<string, JsonMember>): SubscriptionPlace {
  return {
    callbackUrl: required(members, 'callback_url', CALLBACK_LIMITS.urlCharactersMax),
    eventKey: required(members, 'event_key', EVENT_KEY_CHARACTERS_MAX),
    appId: required(members, 'app_id', CALLBACK_LIMITS.appIdCharactersMax),
  };
}

function required(members: ReadonlyMap<string, JsonMember>, name: string, charactersMax: number): string {
  const value = text(members, name, charactersMax);
  if (value === '') throw missing(name);
  return value;
}

/** A part of the event's name: a text, or a number as it is written (`"event_status": 1`). */
function readPart(members: ReadonlyMap<string, JsonMember>, name: string): string {
  const member = members.get(name);
  if (member?.kind !== 'number') return required(members, name, EVENT_PART_CHARACTERS_MAX);
  if (member.source.length > EVENT_PART_CHARACTERS_MAX) {
    throw new CallbackFormError(`参数${name}过长，最多${EVENT_PART_CHARACTERS_MAX}个字符`);
  }
  return member.source;
}

function readIsSignature(members: ReadonlyMap<string, JsonMember>): boolean {
  const member = members.get('is_signature');
  if (member === undefined || member.kind === 'null') return false;
  if (member.kind !== 'boolean') throw new CallbackFormError('参数is_signature必须是true或false');
  return member.value === true;
}
