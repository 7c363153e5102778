import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayRefusal } from './answers.ts';
import { openBody } from './envelope.ts';
import type { Envelope } from './envelope.ts';
import { OneStepParams } from './one-step.ts';
import { readParameters } from './parameters.ts';

/** Reads a body to the end: the envelope and the parameters of the deepest command. */
function readAll(body: Uint8Array): Envelope | string {
  const opened = openBody(body);
  expect(['older', 'newer']).toContain(opened.dialect);
  try {
    const envelope = opened.read();
    readParameters(OneStepParams, envelope.params);
    return envelope;
  } catch (error) {
    if (error instanceof GatewayRefusal) return error.answer.code;
    throw error;
  }
}

describe('any body at all', () => {
  test('of bytes is refused with 400', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => readAll(bytes) === '400'));
  });

  test('of JSON is refused with 400 or read', () => {
    const head = fc.record(
      {
        appId: fc.oneof(fc.constant('OIG0AF4DMOK2VC2N'), fc.jsonValue()),
        nonce: fc.oneof(fc.constant('123AO9'), fc.jsonValue()),
        timestamp: fc.oneof(fc.constant(1_604_990_109_987), fc.jsonValue()),
        sign: fc.oneof(fc.constant('AAAA'), fc.jsonValue()),
        apiCode: fc.oneof(fc.constant('test.add'), fc.jsonValue()),
        params: fc.jsonValue(),
        app_id: fc.jsonValue(),
        request_content: fc.oneof(fc.json(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(head, (body) => {
        const read = readAll(Buffer.from(JSON.stringify(body)));
        if (typeof read === 'string') expect(read).toBe('400');
      }),
    );
  });

  test('with anything where a parameter of createFlowOneStep stands is refused with 400 or read', () => {
    const bean = fc.oneof(fc.jsonValue(), fc.constant({ posBean: [{ posPage: '1', posX: '1', posY: '1' }] }));
    const field = fc.record({
      signType: fc.jsonValue(),
      width: fc.jsonValue(),
      signBean: bean,
      signDateBean: fc.jsonValue(),
    });
    const params = fc.record({
      fileUrl: fc.oneof(fc.constant('https://e.com/a.pdf'), fc.jsonValue()),
      fileName: fc.oneof(fc.constant('a.pdf'), fc.jsonValue()),
      signers: fc.record({
        initiatorAccount: fc.record({ etc_member_no: fc.constant('m'), signfields: fc.oneof(field, fc.jsonValue()) }),
        signerAccount: fc.oneof(fc.array(fc.record({ name: fc.jsonValue(), signfields: field })), fc.jsonValue()),
      }),
    });
    const head = {
      appId: 'OIG0AF4DMOK2VC2N',
      nonce: '123AO9',
      timestamp: 1_604_990_109_987,
      sign: 'AAAA',
      apiCode: 'a',
    };
    fc.assert(
      fc.property(params, (given) => {
        const read = readAll(Buffer.from(JSON.stringify({ ...head, params: given })));
        if (typeof read === 'string') expect(read).toBe('400');
      }),
    );
  });
});

test('the dialect is told by the id’s name, then by the others, and is the older where nothing tells', () => {
  const dialectOf = (body: string): string => openBody(Buffer.from(body)).dialect;
  expect(dialectOf('{"appId":"x","api_code":"y"}')).toBe('older');
  expect(dialectOf('{"app_id":"x","apiCode":"y"}')).toBe('newer');
  expect(dialectOf('{"api_code":"y"}')).toBe('newer');
  expect(dialectOf('{"request_content":"{}"}')).toBe('newer');
  expect(dialectOf('{}')).toBe('older');
  expect(dialectOf('[')).toBe('older');
});
