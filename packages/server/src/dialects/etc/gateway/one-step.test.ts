import { describe, expect, test } from 'vitest';
import type { App } from '../../../apps/index.ts';
import type { CreateFlow } from '../../../signing/index.ts';
import { parseJsonObjectText } from '../../../platform/json-text.ts';
import { GatewayRefusal } from './answers.ts';
import { oneStepCommand, OneStepParams } from './one-step.ts';
import { readParameters } from './parameters.ts';

const app = { appId: 'OIG0AF4DMOK2VC2N', notifyUrl: null } as App;

const posBean = [{ posPage: '1', posX: '300', posY: '200.5' }];
const initiatorAccount = { etc_member_no: 'm'.repeat(32), signfields: [{ signBean: { posBean } }] };
const signer = {
  name: '王小明',
  idNumber: '11010519491231002x',
  mobile: '13800000000',
  signfields: { signBean: { posBean } },
};
const sample = {
  fileUrl: 'https://files.example.com/a.pdf',
  fileName: '房屋买卖合同.pdf',
  notifyUrl: 'https://partner.example.com/notify',
  signers: { initiatorAccount, signerAccount: [signer] },
};

function read(params: object, by = app): CreateFlow {
  const { members } = parseJsonObjectText(JSON.stringify(params), { depthMax: 32 });
  return oneStepCommand(by, readParameters(OneStepParams, members));
}

function refusal(params: object): string {
  try {
    read(params);
  } catch (error) {
    if (error instanceof GatewayRefusal) return `${error.answer.code} ${error.answer.msg}`;
    throw error;
  }
  return 'accepted';
}

const withSigner = (more: object): object => ({
  ...sample,
  signers: { initiatorAccount, signerAccount: [{ ...signer, ...more }] },
});
const withField = (field: object): object => ({
  ...sample,
  signers: { initiatorAccount: { ...initiatorAccount, signfields: [field] } },
});

describe('createFlowOneStep', () => {
  test('fills in the contract’s defaults', () => {
    expect(read(sample)).toEqual({
      appId: app.appId,
      bizRequestNo: null,
      fileUrl: sample.fileUrl,
      fileName: sample.fileName,
      notifyUrl: sample.notifyUrl,
      signValidity: null,
      finishNotifyFlag: true,
      initiator: {
        etcMemberNo: 'm'.repeat(32),
        signOrder: 1,
        fields: [
          {
            autoExecute: true,
            placement: { kind: 'page', positions: [{ page: 1, x: 300, y: 200.5 }] },
            width: null,
            date: null,
          },
        ],
      },
      signers: [
        {
          signOrder: 1,
          name: '王小明',
          idNumber: '11010519491231002X',
          mobile: '13800000000',
          fields: [
            {
              placement: { kind: 'page', positions: [{ page: 1, x: 300, y: 200.5 }] },
              width: null,
              date: null,
              forms: [],
            },
          ],
        },
      ],
    });
  });

  test('signfields and posBean may be one bare object or a list, numbers may be strings or numbers', () => {
    const bean = { posPage: 1, posX: 300, posY: 200.5 };
    const loose = {
      ...sample,
      signers: {
        initiatorAccount: {
          ...initiatorAccount,
          signOrder: 1,
          signfields: { signType: 1, signBean: { posBean: bean } },
        },
        signerAccount: { ...signer, signfields: [{ signType: '1', signBean: { posBean: bean } }] },
      },
    };
    expect(read(loose)).toEqual(read(sample));
  });

  test('reads every kind of field', () => {
    const across = read(
      withField({
        signType: 2,
        signBean: {
          posBean: [
            { posPage: 'all', posY: 400 },
            { posPage: '2-3', posY: '1' },
          ],
        },
      }),
    );
    expect(across.initiator.fields[0]?.placement).toEqual({
      kind: 'cross-page',
      positions: [
        { pages: 'all', y: 400 },
        { pages: { first: 2, last: 3 }, y: 1 },
      ],
    });
    expect(read(withField({ signType: 0 })).initiator.fields[0]?.placement).toEqual({ kind: 'free' });
    const dated = read(
      withField({ signBean: { posBean }, width: '150', signDateBean: { fontSize: 12, format: 'yyyy-MM-dd', posBean } }),
    );
    expect(dated.initiator.fields[0]).toMatchObject({
      width: 150,
      date: { fontSize: 12, format: 'yyyy-MM-dd', positions: [{ page: 1, x: 300, y: 200.5 }] },
    });
    const forms = (sealType: unknown): unknown =>
      read(withSigner({ signfields: { signType: 0, sealType } })).signers[0]?.fields[0]?.forms;
    expect([forms('0'), forms(1), forms('0,1'), forms(''), forms(null)]).toEqual([
      ['handwritten'],
      ['template'],
      ['handwritten', 'template'],
      [],
      [],
    ]);
  });

  test('without a notifyUrl the app’s own must be known', () => {
    const { notifyUrl: _, ...silent } = sample;
    expect(refusal(silent)).toBe('400 参数notifyUrl不能为空');
    expect(read(silent, { ...app, notifyUrl: 'https://partner.example.com' }).notifyUrl).toBeNull();
  });

  test.each([
    [{ ...sample, fileUrl: undefined }, '参数fileUrl不能为空'],
    [{ ...sample, fileUrl: 'ftp://example.com/a.pdf' }, '参数fileUrl应为不超过128个字符的http(s)地址'],
    [{ ...sample, fileUrl: `https://e.com/${'a'.repeat(128)}` }, '参数fileUrl应为不超过128个字符的http(s)地址'],
    [{ ...sample, signers: undefined }, '参数signers不能为空'],
    [{ ...sample, signers: 'x' }, '参数signers应为JSON对象'],
    [{ ...sample, signers: {} }, '参数signers.initiatorAccount不能为空'],
    [{ ...sample, signValidity: 'tomorrow' }, '参数signValidity应为13位毫秒时间戳'],
    [withSigner({ mobile: ' ' }), '参数signers.signerAccount[0].mobile不能为空'],
    [withSigner({ mobile: '1380000' }), '参数signers.signerAccount[0].mobile应为11位手机号'],
    [withSigner({ idNumber: 1 }), '参数signers.signerAccount[0].idNumber应为18位身份证号'],
    [withSigner({ name: '长'.repeat(65) }), '参数signers.signerAccount[0].name应为不超过64个字符的字符串'],
    [withSigner({ signfields: [] }), '参数signers.signerAccount[0].signfields不能为空'],
    [withField({ signType: 1 }), '参数signers.initiatorAccount.signfields[0].signBean.posBean不能为空'],
    [withField({ signType: 3 }), '参数signers.initiatorAccount.signfields[0].signType应为0、1、2之一'],
    [withField({ autoExecute: 'yes' }), '参数signers.initiatorAccount.signfields[0].autoExecute应为true或false'],
    [
      withField({ signBean: { posBean: [{ posPage: '1', posX: '3' }] } }),
      '参数signers.initiatorAccount.signfields[0].signBean.posBean[0].posY不能为空',
    ],
    [
      withField({ signBean: { posBean: [{ posPage: '1-3', posX: '3', posY: '3' }] } }),
      '参数signers.initiatorAccount.signfields[0].signBean.posBean[0].posPage应为单个页码',
    ],
    [
      withField({ signType: '2', signBean: { posBean: [{ posPage: '3-1', posY: '3' }] } }),
      '参数signers.initiatorAccount.signfields[0].signBean.posBean[0].posPage应为由小到大的页码范围',
    ],
    [
      withField({ signBean: { posBean }, signDateBean: { format: 'dd.MM.yyyy', posBean } }),
      '参数signers.initiatorAccount.signfields[0].signDateBean.format应为yyyy年MM月dd日、yyyy-MM-dd、yyyy/MM/dd之一',
    ],
  ])('names the field that is wrong: %#', (params, msg) => expect(refusal(params)).toBe(`400 ${msg}`));

  test.each([
    'a/b.pdf',
    'a\\b.pdf',
    'a:b.pdf',
    'a*.pdf',
    'a".pdf',
    'a<.pdf',
    'a>.pdf',
    'a|.pdf',
    'a？.pdf',
    'a?.pdf',
    'a.doc',
    '.pdf',
    ' .pdf',
    `${'a'.repeat(125)}.pdf`,
  ])('refuses the file name %s', (fileName) =>
    expect(refusal({ ...sample, fileName })).toMatch(/^400 参数fileName应为/),
  );

  test('a file name has its length in characters', () => {
    expect(read({ ...sample, fileName: `${'𠮷'.repeat(124)}.PDF` }).fileName).toHaveLength(252);
  });
});
