import { expect, test } from 'vitest';
import type { MemberFlow, MemberVerification } from '../../identity/index.ts';
import { commonName, presentVerification, progressOf, stepOf, yuan } from './present.ts';

const NOW = new Date('2026-11-21T08:00:00.000Z');

const flow: MemberFlow = {
  flowId: '1',
  process: 'CREATED',
  state: 'open',
  expiresAt: NOW,
  payTo: { accountName: 'a', accountNo: '1', bankName: 'b', amountFen: 1 },
  failure: null,
  inReviewSince: null,
  bankAskedAt: null,
  payment: null,
};

const view: MemberVerification = {
  appName: 'app',
  memberName: 'member',
  company: { orgName: 'company', orgCode: null, legalRepName: '张三' },
  isBankAvailable: true,
  flow: null,
  verifiedAt: null,
  seals: [],
  silentSigningConsentedAt: null,
  certificate: null,
};

test.each([
  ['company', {}],
  ['transfer', { flow }],
  ['company', { flow: { ...flow, state: 'ended' } }],
  ['company', { flow: { ...flow, process: 'INIT', payTo: null } }],
  ['company', { flow: { ...flow, process: 'PAY_FAILED', payTo: null } }],
  ['seal', { verifiedAt: NOW }],
  ['done', { verifiedAt: NOW, silentSigningConsentedAt: NOW }],
  // Verified once, withdrawn by a reversal: consent alone is not enough.
  ['transfer', { flow, silentSigningConsentedAt: NOW }],
] as const)('the step is %s with %o', (step, change) => {
  expect(stepOf({ ...view, ...change })).toBe(step);
});

const failure = { reason: 'wrong_amount', amountFen: 2, payerName: 'x', at: NOW } as const;

test.each([
  [{ kind: 'waiting' }, {}],
  [{ kind: 'waiting' }, { process: 'INIT' }],
  [{ kind: 'unavailable' }, { process: 'UNAVAILABLE' }],
  [
    { kind: 'not_found', askedAt: NOW.toISOString() },
    { process: 'UN_RECEIVED', bankAskedAt: NOW },
  ],
  [
    { kind: 'failed', reason: 'wrong_amount', amount: '0.02', payerName: 'x', at: NOW.toISOString() },
    { process: 'PAY_FAILED', failure },
  ],
  [
    { kind: 'in_review', since: NOW.toISOString() },
    { process: 'PAY_FAILED', failure, inReviewSince: NOW },
  ],
  [{ kind: 'confirmed' }, { process: 'ORGANFINISHED', inReviewSince: NOW }],
] as const)('the progress is %o with %o', (progress, change) => {
  expect(progressOf({ ...flow, ...change })).toEqual(progress);
});

test('what the platform told cannot be changed; what the member typed can', () => {
  expect(presentVerification(view, 's').givenFields).toEqual(['orgName', 'legalRepName']);
  expect(presentVerification({ ...view, flow }, 's').givenFields).toEqual(['orgName']);
  expect(presentVerification({ ...view, flow: { ...flow, state: 'ended' } }, 's')).toMatchObject({
    hasExpired: true,
    transfer: null,
  });
});

test.each([
  [1, '0.01'],
  [0, '0.00'],
  [2, '0.02'],
  [100, '1.00'],
  [123_456, '1234.56'],
  [-1, '-0.01'],
])('%i fen are %s yuan', (fen, text) => {
  expect(yuan(fen)).toBe(text);
});

test.each([
  ['C=CN\nO=印信\nCN=Yinxin Root CA', 'Yinxin Root CA'],
  ['O=CN=trick\nCN=北京易楼', '北京易楼'],
  ['O=only', 'O=only'],
])('the name in %j is %s', (name, common) => {
  expect(commonName(name)).toBe(common);
});
