import type { Database } from '../platform/database/index.ts';
import type { LongTerm } from '../signing/index.ts';
import { timestampedSigner, type DocumentSigner, type Trust } from '../trust/index.ts';

/** An application id that no application has. */
const SERVICE = { appId: '*', etcOrgNo: 'service', companyName: '印信服务 Yinxin Service' };

/** Who signs what the service itself vouches for, with a timestamp where there is a service for it. */
export async function serviceSigner(
  trust: Pick<Trust, 'companySigner'>,
  db: Database,
  longTerm: LongTerm,
): Promise<DocumentSigner> {
  const signer = await trust.companySigner(db, SERVICE);
  return longTerm.level === 'B-B' ? signer : timestampedSigner(signer, longTerm.timestamps);
}
