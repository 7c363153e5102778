import { createHttpServer } from '../http/server.ts';
import { createLog } from '../platform/log.ts';
import { registerDialects, type Dialects } from './dialects.ts';

/**
 * The OpenAPI description of every route, made from the routes themselves: they are registered on a server that never
 * listens, with dependencies that are never called.
 */
export async function describeRoutes(version: string): Promise<object> {
  const { fastifySwagger } = await import('@fastify/swagger');
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  await server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Yinxin 印信',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        description: 'A self-hosted e-signature gateway. Answers of /api/ are HTTP 200 with the code in the body.',
      },
      components: { securitySchemes: { admin: { type: 'http', scheme: 'bearer', description: 'the admin token' } } },
    },
  });
  registerDialects(server, UNUSED);
  await server.ready();
  return server.swagger();
}

/** Dependencies that routes may hold but not use while they are only described: whatever is asked of them is absent. */
const absent = new Proxy({}, { get: () => undefined });
const UNUSED = {
  probes: absent,
  gateway: absent,
  callback: absent,
  subscription: absent,
  bankNotice: absent,
  files: absent,
  admin: absent,
  pki: absent,
  tsa: absent,
  tsign: absent,
  validation: absent,
  member: absent,
  signer: absent,
  pages: absent,
} as Dialects;
