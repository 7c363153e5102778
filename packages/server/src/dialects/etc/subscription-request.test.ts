import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallbackFormError } from './callback-request.ts';
import { parsePublishRequest, parseSubscriptionRequest, parseUnsubscribeRequest } from './subscription-request.ts';

const APP_ID = '5SV4BVSY0OXQ3ZSA';
const EVENT = { event_source: 'a', event_topic: 'gs', event_type: 'cert', event_status: '1', changes: [] };
const PLACE = { app_id: APP_ID, callback_url: 'https://a.test/', event_key: 'a.gs' };
const bytes = (body: unknown): Buffer => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');

function refusal(parse: (body: Buffer) => unknown, body: unknown): string {
  try {
    parse(bytes(body));
  } catch (error) {
    if (error instanceof CallbackFormError) return error.message;
    throw error;
  }
  return 'taken';
}

describe('an event', () => {
  it('keeps the source text of every value and loses app_id alone', () => {
    const body = `{ "event_source": "a", "app_id":"${APP_ID}", "event_topic":"g\\u0073", "event_type":"cert",
      "event_status": 1, "changes": [ {"id": 9007199254740993, "id": 2, "价": 1.10, "n":1e2 }, "a  b" ], "more": null }`;
    expect(parsePublishRequest(bytes(body))).toEqual({
      appId: APP_ID,
      levels: ['a', 'gs', 'cert', '1'],
      eventKey: null,
      content:
        '{"event_source":"a","event_topic":"g\\u0073","event_type":"cert","event_status":1,' +
        '"changes":[{"id":9007199254740993,"id":2,"价":1.10,"n":1e2},"a  b"],"more":null}',
    });
  });

  it('whatever its changes are, they go on as they were written', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (first, second) => {
        const changes = `[${JSON.stringify(JSON.parse(first))},${JSON.stringify(JSON.parse(second))}]`;
        const { changes: _none, ...rest } = EVENT;
        const body = `{"app_id":"${APP_ID}",${JSON.stringify(rest).slice(1, -1)},"changes":${changes}}`;
        expect(parsePublishRequest(bytes(body)).content).toBe(
          `{${JSON.stringify(rest).slice(1, -1)},"changes":${changes}}`,
        );
      }),
    );
  });

  it('takes its own key before the one that would be made of its parts', () => {
    expect(parsePublishRequest(bytes({ ...EVENT, app_id: APP_ID, event_key: 'b.c' })).eventKey).toBe('b.c');
    expect(parsePublishRequest(bytes({ ...EVENT, app_id: APP_ID, event_key: '' })).eventKey).toBeNull();
  });

  it.each([
    [{ app_id: undefined }, '参数app_id不能为空'],
    [{ event_source: '' }, '参数event_source不能为空'],
    [{ event_topic: null }, '参数event_topic不能为空'],
    [{ event_type: undefined }, '参数event_type不能为空'],
    [{ event_status: undefined }, '参数event_status不能为空'],
    [{ event_status: true }, '参数event_status必须是字符串'],
    [{ event_type: 'x'.repeat(129) }, '参数event_type过长，最多128个字符'],
    [{ event_key: 'x'.repeat(260) }, '参数event_key过长，最多259个字符'],
    [{ changes: undefined }, '参数changes不能为空'],
    [{ changes: {} }, '参数changes必须是JSON数组'],
  ])('%j is refused: %s', (change, message) => {
    expect(refusal(parsePublishRequest, { app_id: APP_ID, ...EVENT, ...change })).toBe(message);
  });

  it('whose status is a number of endless digits is refused', () => {
    const body = `{"app_id":"${APP_ID}","event_source":"a","event_topic":"b","event_type":"c","event_status":${'1'.repeat(129)},"changes":[]}`;
    expect(refusal(parsePublishRequest, body)).toBe('参数event_status过长，最多128个字符');
  });
});

describe('a subscription', () => {
  it('is unsigned and without a name unless it says otherwise', () => {
    const place = { appId: APP_ID, callbackUrl: 'https://a.test/', eventKey: 'a.gs' };
    expect(parseSubscriptionRequest(bytes(PLACE))).toEqual({ ...place, subscriber: null, isSignature: false });
    expect(parseSubscriptionRequest(bytes({ ...PLACE, subscriber: '易楼', is_signature: true }))).toEqual({
      ...place,
      subscriber: '易楼',
      isSignature: true,
    });
    expect(parseUnsubscribeRequest(bytes(PLACE))).toEqual(place);
  });

  it.each([
    [{ callback_url: undefined }, '参数callback_url不能为空'],
    [{ event_key: '' }, '参数event_key不能为空'],
    [{ app_id: undefined }, '参数app_id不能为空'],
    [{ is_signature: 'true' }, '参数is_signature必须是true或false'],
    [{ subscriber: 7 }, '参数subscriber必须是字符串'],
  ])('%j is refused: %s', (change, message) => {
    expect(refusal(parseSubscriptionRequest, { ...PLACE, ...change })).toBe(message);
  });
});

it('nothing but a CallbackFormError comes of any bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (body) => {
      for (const parse of [parsePublishRequest, parseSubscriptionRequest, parseUnsubscribeRequest]) {
        refusal(() => parse(Buffer.from(body)), '');
      }
    }),
  );
});
