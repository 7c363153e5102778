import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { actorOf, callbackFields, flowKey, requiredText, textLike } from './fields.ts';

/** Asks for a transfer of 0.01 to 0.99 yuan to the company (contracts/tsign-identity.md, transferRandomAmount). */
export function transferRandomAmount(identity: Pick<Identity, 'transferRandomAmount'>): TsignRoute {
  return {
    method: 'PUT',
    path: '/v2/identity/auth/pub/organization/:flowId/transferRandomAmount',
    summary: "Asks for a transfer of a random amount to the company's account",
    async handle(request) {
      const { body } = request;
      await identity.transferRandomAmount({
        ...flowKey(request),
        bank: requiredText(body, 'bank', 64),
        province: requiredText(body, 'province', 32),
        city: requiredText(body, 'city', 32),
        subbranch: requiredText(body, 'subbranch', 128),
        cardNo: textLike(body, 'cardNo', /^\d{6,32}$/, '6至32位数字的对公账号'),
        cnapsCode: textLike(body, 'cnapsCode', /^\d{12}$/, '12位数字的联行号'),
        ...callbackFields(body),
        actor: actorOf(request.appId),
      });
      return null;
    },
  };
}
