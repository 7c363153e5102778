import { execFile } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ValidationData } from '../../src/documents/index.ts';
import { systemClock, type Clock } from '../../src/platform/clock.ts';
import {
  createIssuing,
  createRoot,
  issueCompanyCertificate,
  issueServiceCertificate,
} from '../../src/trust/authority.ts';
import { documentSigner, type DocumentSigner, type KeyAlgorithm } from '../../src/trust/index.ts';
import { generatePrivateKey, softwareKey } from '../../src/trust/keys/software-key.ts';
import { createRevocationList } from '../../src/trust/revocation-list.ts';
import { createTimestampAuthority, type TimestampAuthority } from '../../src/trust/timestamp/authority.ts';
import { createTimestamps, type Timestamps } from '../../src/trust/timestamp/timestamps.ts';

const run = promisify(execFile);

/** A whole authority: root, issuing, a company's signer, a timestamp service, lists of what is revoked. */
export interface LongTermWorld {
  signer: DocumentSigner;
  timestamps: Timestamps;
  authority: TimestampAuthority;
  root: Buffer;
  rootPem: string;
  /** Everything that a validator needs. */
  data: ValidationData;
}

export async function longTermWorld(
  keyAlgorithm: KeyAlgorithm = 'P-256',
  { clock = systemClock, timestampDays = 365 }: { clock?: Clock; timestampDays?: number } = {},
): Promise<LongTermWorld> {
  const newKey = async () => softwareKey(await generatePrivateKey(keyAlgorithm));
  const [rootKey, issuingKey, companyKey, timestampKey] = [
    await newKey(),
    await newKey(),
    await newKey(),
    await newKey(),
  ];
  const now = clock.now();
  const root = await createRoot(rootKey, now);
  const rootIssuer = { certificate: root.certificate, key: rootKey };
  const issuing = await createIssuing(rootIssuer, { publicKey: issuingKey.publicKey, now });
  const issuer = { certificate: issuing.certificate, key: issuingKey };
  const company = await issueCompanyCertificate(issuer, {
    subject: { companyName: '上海甲房地产经纪有限公司' },
    publicKey: companyKey.publicKey,
    now,
    days: 1095,
  });
  const stamp = await issueServiceCertificate(issuer, {
    purpose: 'timestamp',
    publicKey: timestampKey.publicKey,
    now,
    days: timestampDays,
  });
  const chain = [issuing.certificate, root.certificate];
  const identity = { key: timestampKey, certificate: stamp.certificate, chain };
  const authority = createTimestampAuthority({ identity: async () => identity, clock, randomBytes });
  const list = { number: 1, thisUpdate: now, nextUpdate: new Date(now.getTime() + 30 * 86_400_000), revocations: [] };
  return {
    signer: documentSigner({ key: companyKey, certificate: company.certificate, chain }),
    authority,
    timestamps: createTimestamps({
      services: [
        {
          name: 'own',
          builtIn: true,
          request: (query) => authority.respond(query),
          roots: async () => [root.certificate],
          policy: undefined,
        },
      ],
      clock,
      randomBytes,
    }),
    root: root.certificate,
    rootPem: new X509Certificate(root.certificate).toString(),
    data: {
      certificates: [company.certificate, stamp.certificate, ...chain],
      revocationLists: [await createRevocationList(rootIssuer, list), await createRevocationList(issuer, list)],
      statusResponses: [],
    },
  };
}

/** `openssl ts -verify` of a token over content, at a time; throws with openssl's words where it does not hold. */
export async function opensslTimestampVerify(
  content: Buffer,
  token: Buffer,
  rootPem: string,
  at = new Date(),
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-ts-'));
  try {
    const path = (name: string) => join(directory, name);
    await writeFile(path('content'), content);
    await writeFile(path('token'), token);
    await writeFile(path('root.pem'), rootPem);
    const about = ['-data', path('content'), '-in', path('token'), '-token_in'];
    const time = String(Math.floor(at.getTime() / 1000));
    await run('openssl', ['ts', '-verify', ...about, '-CAfile', path('root.pem'), '-attime', time]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
