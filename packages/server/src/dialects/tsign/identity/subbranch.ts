import type { Identity } from '../../../identity/index.ts';
import { FORM, TsignRefusal } from '../errors.ts';
import type { TsignRoute } from '../route.ts';
import { emptyField } from './errors.ts';
import { flowKey, optionalText } from './fields.ts';

/** Banks by a part of their name, or by their CNAPS code; 20 at most. */
export function subbranch(identity: Pick<Identity, 'subbranches'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/pub/organization/:flowId/subbranch',
    summary: 'Banks and their branches',
    async handle(request) {
      const keyWord = optionalText(request.query, 'keyWord', 64);
      const cnapsCode = optionalText(request.query, 'cnapsCode', 12);
      if (keyWord === null && cnapsCode === null) throw new TsignRefusal(emptyField('keyWord'));
      if (cnapsCode !== null && !/^\d{12}$/.test(cnapsCode)) {
        throw new TsignRefusal(FORM.wrong('cnapsCode', '12位数字的联行号'));
      }
      return identity.subbranches({ ...flowKey(request), keyWord, cnapsCode });
    },
  };
}
