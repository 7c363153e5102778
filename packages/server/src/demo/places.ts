/**
 * Where the seals of examples/房屋买卖合同.pdf stand: the centre of each, in PDF points from the lower left
 * (examples/README.md). The broker is party 丙, the buyer party 乙.
 */
const BROKER = { posPage: '5', posX: '424', posY: '275' };
const BROKER_DATE = { posPage: '5', posX: '185', posY: '261' };
const BUYER = { posPage: '5', posX: '424', posY: '450' };
const RIGHT_EDGE = { posPage: 'all', posY: '421' };

/** The company that signs in the demo, as the contract names it. */
export const BROKER_NAME = '北京示例房地产经纪有限公司';

/** The broker's seal with its date, and its cross-page seal. */
export const BROKER_FIELDS = [
  {
    autoExecute: true,
    signType: 1,
    signBean: { posBean: [BROKER] },
    signDateBean: { fontSize: 10.5, format: 'yyyy年MM月dd日', posBean: [BROKER_DATE] },
  },
  { autoExecute: true, signType: 2, signBean: { posBean: [RIGHT_EDGE] } },
];

export const BUYER_FIELDS = [{ signType: 1, sealType: '0', signBean: { posBean: [BUYER] } }];

export const BROKER_CREDIT_CODE = '91990000MA0000003H';
export const BROKER_LEGAL_REP = '王示例';
