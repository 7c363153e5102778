import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { App } from '../../../apps/index.ts';
import type {
  CompanyField,
  CreateFlow,
  DateLine,
  Individual,
  IndividualField,
  PagePoint,
  PageSpan,
  Placement,
  SignatureForm,
  SignField,
} from '../../../signing/index.ts';
import { FORM, GatewayRefusal } from './answers.ts';
import { digitsLike, flag, oneOf, oneOrMore, text, textLike, webUrl } from './parameters.ts';

/** The parameters of createFlowOneStep (contracts/etc-gateway.md) and what they mean to signing. */

const signOrder = () => Type.Optional(digitsLike('^[1-9]\\d{0,5}$', '从1开始的整数'));
const signType = () => Type.Optional(oneOf(['0', '1', '2'], true));
const points = (expected: string) => digitsLike('^\\d{1,5}(\\.\\d{1,20})?$', expected);
const width = () => Type.Optional(points('以点为单位的印章宽度'));

const SignPosition = Type.Object({
  posPage: Type.Optional(digitsLike('^(all|[1-9]\\d{0,4}(-[1-9]\\d{0,4})?)$', '页码、页码范围（如1-3）或all')),
  posX: Type.Optional(points('以点为单位的坐标')),
  posY: Type.Optional(points('以点为单位的坐标')),
});
const SignBean = Type.Object({ posBean: Type.Optional(oneOrMore(SignPosition)) });

const SignDateBean = Type.Object({
  fontSize: Type.Optional(digitsLike('^([1-9]\\d{0,2})(\\.\\d{1,3})?$', '1到999之间的字号')),
  format: Type.Optional(oneOf(['yyyy年MM月dd日', 'yyyy-MM-dd', 'yyyy/MM/dd'])),
  posBean: oneOrMore(
    Type.Object({
      posPage: digitsLike('^[1-9]\\d{0,4}$', '页码'),
      posX: points('以点为单位的坐标'),
      posY: points('以点为单位的坐标'),
    }),
  ),
});

const InitiatorField = Type.Object({
  autoExecute: Type.Optional(flag()),
  signType: signType(),
  actorIndentityType: Type.Optional(oneOf(['2'], true)),
  width: width(),
  signBean: Type.Optional(SignBean),
  signDateBean: Type.Optional(SignDateBean),
});

const SignerField = Type.Object({
  signType: signType(),
  width: width(),
  sealType: Type.Optional(digitsLike('^[01](\\s*,\\s*[01])?$', '0、1或逗号分隔的0,1')),
  signBean: Type.Optional(SignBean),
  signDateBean: Type.Optional(SignDateBean),
});

export const OneStepParams = Type.Object({
  fileUrl: webUrl(128),
  fileName: textLike(
    '^[^/\\\\:*"<>|?？]*[^/\\\\:*"<>|?？.\\s][^/\\\\:*"<>|?？]*\\.[Pp][Dd][Ff]$',
    '不超过128个字符、以.pdf结尾且不含/ \\ : * " < > | ？的文件名',
  ),
  notifyUrl: Type.Optional(webUrl(128)),
  signValidity: Type.Optional(digitsLike('^\\d{13}$', '13位毫秒时间戳')),
  finishNotifyFlag: Type.Optional(flag()),
  bizRequestNo: Type.Optional(text(64)),
  signers: Type.Object({
    initiatorAccount: Type.Object({
      signOrder: signOrder(),
      etc_member_no: text(64),
      signfields: Type.Optional(oneOrMore(InitiatorField)),
    }),
    signerAccount: Type.Optional(
      oneOrMore(
        Type.Object({
          signOrder: signOrder(),
          name: text(64),
          idNumber: textLike('^\\d{17}[\\dXx]$', '18位身份证号'),
          mobile: textLike('^1\\d{10}$', '11位手机号'),
          signfields: oneOrMore(SignerField),
        }),
      ),
    ),
  }),
});

type Params = Static<typeof OneStepParams>;
type Position = Static<typeof SignPosition>;
type Bean = Static<typeof SignBean>;
type DateBean = Static<typeof SignDateBean>;

/**
 * The signing command that the parameters ask for.
 *
 * @throws GatewayRefusal 400 that names the field, such as `signers.signerAccount[0].signfields[0].signBean`
 */
export function oneStepCommand(app: App, params: Params): CreateFlow {
  // The notification goes to the flow's notifyUrl or to the app's: one of the two must be known.
  if (params.notifyUrl === undefined && app.notifyUrl === null) throw new GatewayRefusal(FORM.empty('notifyUrl'));
  const { initiatorAccount, signerAccount = [] } = params.signers;
  return {
    appId: app.appId,
    bizRequestNo: params.bizRequestNo ?? null,
    fileUrl: params.fileUrl,
    fileName: params.fileName,
    notifyUrl: params.notifyUrl ?? null,
    signValidity: params.signValidity === undefined ? null : new Date(Number(params.signValidity)),
    finishNotifyFlag: params.finishNotifyFlag ?? true,
    initiator: {
      etcMemberNo: initiatorAccount.etc_member_no,
      signOrder: Number(initiatorAccount.signOrder ?? 1),
      fields: (initiatorAccount.signfields ?? []).map((field, index) => companyField(field, index)),
    },
    signers: signerAccount.map((signer, index) => individual(signer, `signers.signerAccount[${index}]`)),
  };
}

function companyField(field: Static<typeof InitiatorField>, index: number): CompanyField {
  const terms = signField(field, `signers.initiatorAccount.signfields[${index}]`);
  return { ...terms, autoExecute: field.autoExecute ?? true };
}

function individual(signer: NonNullable<Params['signers']['signerAccount']>[number], path: string): Individual {
  if (signer.signfields.length === 0) throw new GatewayRefusal(FORM.empty(`${path}.signfields`));
  return {
    signOrder: Number(signer.signOrder ?? 1),
    name: signer.name,
    idNumber: signer.idNumber.toUpperCase(),
    mobile: signer.mobile,
    fields: signer.signfields.map((field, index) => individualField(field, `${path}.signfields[${index}]`)),
  };
}

function individualField(field: Static<typeof SignerField>, path: string): IndividualField {
  return { ...signField(field, path), forms: signatureForms(field.sealType) };
}

function signField(field: Static<typeof InitiatorField> | Static<typeof SignerField>, path: string): SignField {
  return {
    placement: placement(field.signType ?? '1', field.signBean, `${path}.signBean`),
    width: field.width === undefined ? null : atLeastOnePoint(field.width, `${path}.width`),
    date: field.signDateBean === undefined ? null : dateLine(field.signDateBean, `${path}.signDateBean`),
  };
}

function atLeastOnePoint(width: string, path: string): number {
  const value = Number(width);
  if (value < 1) throw new GatewayRefusal(FORM.wrong(path, '不小于1的印章宽度'));
  return value;
}

/** sealType: 0 handwritten, 1 template, both by a comma list; empty is any. */
function signatureForms(sealType: string | undefined): readonly SignatureForm[] {
  const kinds = sealType?.split(',').map((kind) => kind.trim()) ?? [];
  return [...new Set(kinds)].map((kind) => (kind === '0' ? 'handwritten' : 'template'));
}

function placement(signType: '0' | '1' | '2', bean: Bean | undefined, path: string): Placement {
  if (signType === '0') return { kind: 'free' };
  const given = bean?.posBean ?? [];
  const at = `${path}.posBean`;
  if (given.length === 0) throw new GatewayRefusal(FORM.empty(at));
  if (signType === '1') {
    return { kind: 'page', positions: given.map((position, index) => pagePoint(position, `${at}[${index}]`)) };
  }
  return { kind: 'cross-page', positions: given.map((position, index) => crossPage(position, `${at}[${index}]`)) };
}

function pagePoint(position: Position, path: string): PagePoint {
  const page = required(position.posPage, `${path}.posPage`);
  if (!/^\d+$/.test(page)) throw new GatewayRefusal(FORM.wrong(`${path}.posPage`, '单个页码'));
  return {
    page: Number(page),
    x: Number(required(position.posX, `${path}.posX`)),
    y: Number(required(position.posY, `${path}.posY`)),
  };
}

function crossPage(position: Position, path: string): { pages: PageSpan; y: number } {
  const pages = required(position.posPage, `${path}.posPage`);
  const y = Number(required(position.posY, `${path}.posY`));
  if (pages === 'all') return { pages: 'all', y };
  const [first = 1, last = first] = pages.split('-').map(Number);
  if (last < first) throw new GatewayRefusal(FORM.wrong(`${path}.posPage`, '由小到大的页码范围'));
  return { pages: { first, last }, y };
}

function required(value: string | undefined, path: string): string {
  if (value === undefined) throw new GatewayRefusal(FORM.empty(path));
  return value;
}

function dateLine(bean: DateBean, path: string): DateLine {
  if (bean.posBean.length === 0) throw new GatewayRefusal(FORM.empty(`${path}.posBean`));
  return {
    fontSize: bean.fontSize === undefined ? null : Number(bean.fontSize),
    format: bean.format ?? 'yyyy年MM月dd日',
    positions: bean.posBean.map((position) => ({
      page: Number(position.posPage),
      x: Number(position.posX),
      y: Number(position.posY),
    })),
  };
}
