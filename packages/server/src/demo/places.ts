/** Where the seals of examples/房屋买卖合同.pdf stand, in PDF points from the lower left (examples/README.md). */
export const SEAL_PLACES = {
  signfields: [
    { autoExecute: true, signType: 1, signBean: { posBean: [{ posPage: '1', posX: '300', posY: '400' }] } },
    { autoExecute: true, signType: 2, signBean: { posBean: [{ posPage: 'all', posY: '420' }] } },
  ],
  buyer: [{ signType: 1, signBean: { posBean: [{ posPage: '1', posX: '300', posY: '300' }] } }],
} as const;
