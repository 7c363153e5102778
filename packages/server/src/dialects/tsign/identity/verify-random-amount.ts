import type { Identity } from '../../../identity/index.ts';
import { FORM, TsignRefusal } from '../errors.ts';
import type { TsignRoute } from '../route.ts';
import { emptyField } from './errors.ts';
import { actorOf, flowKey } from './fields.ts';

/** The amount that the company found in its account (contracts/tsign-identity.md, verifyRandomAmount). */
export function verifyRandomAmount(identity: Pick<Identity, 'verifyRandomAmount'>): TsignRoute {
  return {
    method: 'PUT',
    path: '/v2/identity/auth/pub/organization/:flowId/verifyRandomAmount',
    summary: 'Compares the amount that the company received',
    async handle(request) {
      const amountFen = fenOf(request.body['amount']);
      await identity.verifyRandomAmount({ ...flowKey(request), amountFen, actor: actorOf(request.appId) });
      return null;
    },
  };
}

/**
 * Yuan as clients write them, `0.51` as a number or a text, in whole fen. The shortest text of a JSON number has no more
 * decimals than were written, so no float is calculated with.
 */
export function fenOf(amount: unknown): number {
  if (amount === undefined || amount === null || amount === '') throw new TsignRefusal(emptyField('amount'));
  const text = typeof amount === 'number' ? String(amount) : amount;
  const [, yuan, decimals = ''] = typeof text === 'string' ? (/^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(text) ?? []) : [];
  const fen = yuan === undefined ? 0 : Number(yuan) * 100 + Number(decimals.padEnd(2, '0'));
  if (fen < 1 || fen > 99) throw new TsignRefusal(FORM.wrong('amount', '0.01至0.99之间的金额'));
  return fen;
}
