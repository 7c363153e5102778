import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, flowCreatedMessage, flowEndedMessage, verificationEndedMessage } from './etc-messages.ts';

/** Removes the white space between a sample's tokens; none of the samples has any inside a string but the times'. */
function withoutWhitespace(sample: string): string {
  return sample.replaceAll(/\s*\n\s*/g, '').replaceAll(/": /g, '":');
}

// The three samples of seed 000; the third with the comma that its source lacks after flow_request_id.
const AUTH_SAMPLE = `{
    "api_callback_code": "auth_process",
    "data": {
        "etc_member_no": "1234567890",
        "org_seal_url": "http//"
    },
    "status": "succeeded",
    "message": "",
    "timestamp": 1563968167329
}`;
const SIGN_SAMPLE = `{
    "api_callback_code": "auth_process",
    "data": {
        "business_scence": "静默签署授权书.pdf",
        "status_description": "完成",
        "create_time": "2021-03-22 18:24:28",
        "action": "SIGN_FLOW_FINISH",
        "end_time": "2021-03-22 18:24:29",
        "flow_status": "2",
        "flow_id": "587a2f4738d44391835198df570b6ee6",
        "timestamp": 1616408669458
    },
    "status": "succeeded",
    "message": "",
    "timestamp": 1563968167329
}`;
const CREATE_SAMPLE = `{
    "api_callback_code": "create_sign_process",
    "data": {
        "flow_id": "c64665aa4f1c45679e65b6fae33cd773",
        "flow_request_id": "5zuoUOcBuN0uRusZlsYC",
        "success_flag": true,
        "message": "发起成功"
    },
    "status": "succeeded",
    "message": "",
    "timestamp": 1563968167329
}`;

const SAMPLE_TIME = new Date(1563968167329);
const addressed = { notifyUrl: null };
const signed = {
  ...addressed,
  code: 'sign_process' as const,
  flowId: '587a2f4738d44391835198df570b6ee6',
  subject: '静默签署授权书.pdf',
  outcome: 'done' as const,
  fileId: 'f'.repeat(32),
  createdAt: new Date('2021-03-22T10:24:28Z'),
  endedAt: new Date(1616408669458),
  at: SAMPLE_TIME,
};

describe("seed 000's samples, byte for byte", () => {
  it('a verification that ended', () => {
    const message = verificationEndedMessage({
      ...addressed,
      etcMemberNo: '1234567890',
      orgSealUrl: 'http//',
      result: { ok: true },
      at: SAMPLE_TIME,
    });
    expect(message).toEqual({ content: withoutWhitespace(AUTH_SAMPLE), tooLong: [] });
  });

  it('a flow that ended, with the literal code of the sample', () => {
    const message = flowEndedMessage({ ...signed, code: 'auth_process' });
    expect(message).toEqual({ content: withoutWhitespace(SIGN_SAMPLE), tooLong: [] });
  });

  it('a flow that ended, with the code of the appendix', () => {
    const expected = withoutWhitespace(SIGN_SAMPLE).replace('auth_process', 'sign_process');
    expect(flowEndedMessage(signed).content).toBe(expected);
  });

  it('a one-step creation that ended well', () => {
    const message = flowCreatedMessage({
      ...addressed,
      flowRequestId: '5zuoUOcBuN0uRusZlsYC',
      result: { ok: true, flowId: 'c64665aa4f1c45679e65b6fae33cd773' },
      at: SAMPLE_TIME,
    });
    expect(message).toEqual({ content: withoutWhitespace(CREATE_SAMPLE), tooLong: [] });
  });
});

it('tells the reason of a creation that failed, and names no flow', () => {
  const message = flowCreatedMessage({
    ...addressed,
    flowRequestId: '5zuoUOcBuN0uRusZlsYC',
    result: { ok: false, reason: '文件不是PDF' },
    at: SAMPLE_TIME,
  });
  expect(JSON.parse(message.content)).toEqual({
    api_callback_code: 'create_sign_process',
    data: { flow_id: '', flow_request_id: '5zuoUOcBuN0uRusZlsYC', success_flag: false, message: '文件不是PDF' },
    status: 'failed',
    message: '文件不是PDF',
    timestamp: 1563968167329,
  });
});

it.each([
  ['done', '2', '完成'],
  ['revoked', '3', '撤销'],
  ['expired', '5', '过期'],
  ['refused', '7', '拒签'],
] as const)('a flow that was %s has flow_status %s, %s', (outcome, status, description) => {
  const { data } = JSON.parse(flowEndedMessage({ ...signed, outcome }).content);
  expect(data).toMatchObject({ flow_status: status, status_description: description });
});

describe('lengths', () => {
  it('cuts the subject at 32 and a reason at 64 and 256', () => {
    const { data } = JSON.parse(flowEndedMessage({ ...signed, subject: '合'.repeat(40) }).content);
    expect(data.business_scence).toBe('合'.repeat(32));
    const failed = JSON.parse(
      flowCreatedMessage({
        ...addressed,
        flowRequestId: 'r',
        result: { ok: false, reason: '错'.repeat(300) },
        at: SAMPLE_TIME,
      }).content,
    );
    expect([failed.data.message.length, failed.message.length]).toEqual([64, 256]);
  });

  it('sends an id or a URL whole and names it', () => {
    const orgSealUrl = `https://example.com/${'s'.repeat(500)}`;
    const message = verificationEndedMessage({
      ...addressed,
      etcMemberNo: 'm'.repeat(33),
      orgSealUrl,
      result: { ok: true },
      at: SAMPLE_TIME,
    });
    expect(JSON.parse(message.content).data).toEqual({ etc_member_no: 'm'.repeat(33), org_seal_url: orgSealUrl });
    expect(message.tooLong).toEqual(['etc_member_no', 'org_seal_url']);
  });

  it('a cut text fits, is a beginning of the whole and well-formed, and is as long as it can be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, unitsMax) => {
        const cut = cutText(text, unitsMax);
        expect(cut.length).toBeLessThanOrEqual(unitsMax);
        expect(text.startsWith(cut)).toBe(true);
        expect(cut.isWellFormed()).toBe(true);
        if (cut !== text) expect(cut.length).toBeGreaterThanOrEqual(unitsMax - 1);
      }),
    );
  });
});
