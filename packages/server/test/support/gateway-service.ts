import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { createApps } from '../../src/apps/index.ts';
import type { App, Apps, CreateAppInput } from '../../src/apps/index.ts';
import type { Capabilities, IdentityCommands, SigningCommands } from '../../src/dialects/etc/gateway/api.ts';
import { registerGatewayRoutes } from '../../src/dialects/etc/gateway/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createParties } from '../../src/parties/index.ts';
import type { Parties } from '../../src/parties/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import type { PartnerClient } from './gateway-client.ts';

/** One partner key for a whole file: making one costs more than most tests. */
export const partnerKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const partnerPublicKey = pemOf(partnerKey.publicKey);

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** The gateway on a real socket and a real database; signing is the test's own. */
export interface GatewayService {
  readonly database: TestDatabase;
  readonly server: FastifyInstance;
  readonly apps: Apps;
  readonly parties: Parties;
  readonly url: string;
  /** Every line of the log so far. */
  readonly log: string[];
  /** The service's clock, which the test sets. */
  readonly time: { now: Date };
  /** An app of its own and the client that signs for it. */
  partner(input?: Partial<CreateAppInput>): Promise<{ app: App; client: PartnerClient; appSecret: string }>;
  stop(): Promise<void>;
}

/** Where no test asks for it, identity is absent: a call would be a fault. */
export const absentIdentity = {} as IdentityCommands;
const absent = (): Promise<never> => Promise.reject(new Error('no test asked for this'));
/** The part of signing that few tests ask for. */
export const absentSigning = { remindSigner: absent, erasePerson: absent } satisfies Partial<SigningCommands>;
/** The same for what few tests ask for. */
export const absentCapabilities = { quotas: {}, sealReview: {}, receipts: {}, pageImages: {} } as Omit<
  Capabilities,
  'apps' | 'parties' | 'signing' | 'identity'
>;

export async function startGateway(
  signing: SigningCommands,
  identity: IdentityCommands = absentIdentity,
): Promise<GatewayService> {
  const database = await createTestDatabase();
  const time = { now: new Date('2026-11-21T08:00:00.000Z') };
  const clock = { now: () => time.now };
  const vault = createVault(Buffer.alloc(32, 7));
  const apps = createApps({ db: database.db, vault, clock });
  const parties = createParties({ db: database.db, vault, clock });
  const log: string[] = [];
  const write = (line: string): number => log.push(line);
  const server = createHttpServer({ log: createLog({ level: 'info', write }), trustedProxies: [] });
  registerGatewayRoutes(server, { ...absentCapabilities, apps, parties, signing, identity, clock });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/api/gateway`;

  return {
    database,
    server,
    apps,
    parties,
    url,
    log,
    time,
    async partner(input = {}) {
      const created = await apps.create({ name: '测试', publicKey: partnerPublicKey, actor: 'operator', ...input });
      const { app, appSecret } = created;
      const client: PartnerClient = {
        url,
        appId: app.appId,
        privateKey: partnerKey.privateKey,
        algorithm: app.signType === 'RSA' ? 'RSA-SHA1' : 'RSA-SHA256',
        now: () => time.now.getTime(),
      };
      return { app, client, appSecret };
    },
    async stop() {
      await server.close();
      await database.drop();
    },
  };
}
