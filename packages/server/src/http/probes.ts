import type { FastifyInstance } from 'fastify';
import type { Registry } from '../platform/metrics.ts';

export interface ProbeDependencies {
  metrics: Registry;
  /** Throws where the service cannot do its work now, such as when the database does not answer. */
  ready(): Promise<void>;
}

/**
 * `/healthz`: the process runs. `/readyz`: it can do its work, 503 while starting, draining or without a database.
 * `/metrics`: Prometheus text.
 */
export function registerProbes(server: FastifyInstance, dependencies: ProbeDependencies): void {
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (request, reply) => {
    try {
      await dependencies.ready();
      return { status: 'ready' };
    } catch (error) {
      request.log.warn({ err: error }, 'not ready');
      return reply.code(503).send({ status: 'not_ready' });
    }
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await dependencies.metrics.metrics();
    return reply.type(dependencies.metrics.contentType).send(text);
  });
}
