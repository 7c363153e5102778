import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { registerGatewayRoutes, type GatewayDependencies } from '../../src/dialects/etc/gateway/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createParties } from '../../src/parties/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import type { PartnerClient } from './gateway-client.ts';
import { absentCapabilities, absentIdentity, partnerKey, partnerPublicKey } from './gateway-service.ts';
import type { SigningFixture } from './signing-fixture.ts';

/** The gateway over a signing fixture's capabilities, and the client of its one application. */
export async function startGatewayOf(
  fixture: SigningFixture,
  capabilities: Partial<GatewayDependencies> = {},
): Promise<{ client: PartnerClient; close(): Promise<void> }> {
  const { clock, service } = fixture;
  const { db } = service.database;
  await sql`update app set public_key = ${partnerPublicKey} where app_id = ${service.appId}`.execute(db);
  const vault = createVault(Buffer.alloc(32, 7));
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  registerGatewayRoutes(server, {
    ...absentCapabilities,
    apps: service.apps,
    parties: createParties({ db, vault, clock }),
    signing: service.signing,
    identity: absentIdentity,
    clock,
    ...capabilities,
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const client: PartnerClient = {
    url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/api/gateway`,
    appId: service.appId,
    privateKey: partnerKey.privateKey,
    algorithm: 'RSA-SHA256',
    now: () => clock.now().getTime(),
  };
  return { client, close: () => server.close() };
}
