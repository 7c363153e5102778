import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import { registerValidationRoute } from '../../src/dialects/validation/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLog } from '../../src/platform/log.ts';
import { createValidation, type ValidationLimits } from '../../src/validation/index.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE_FOLDER = fileURLToPath(new URL('../../../web/dist/', import.meta.url));

export interface ValidationService {
  url: string;
  verify(body: Buffer): Promise<Response>;
  stop(): Promise<void>;
}

/** `POST /api/verify` on a real socket, and the page, which is built first where its sources changed. */
export async function startValidationService(options: {
  roots: readonly Buffer[];
  limits?: Partial<ValidationLimits>;
  ratePerSecond?: number;
  withPage?: boolean;
}): Promise<ValidationService> {
  if (options.withPage === true) await ensurePage(ROOT, process.execPath);
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  const anchors = options.roots.map((der) => ({ der, source: 'operator' as const }));
  const validation = createValidation({
    clock: systemClock,
    anchors: async () => anchors,
    ...(options.limits !== undefined && { limits: options.limits }),
  });
  registerValidationRoute(server, {
    validation,
    limits: { verificationsPerSecondPerAddressMax: options.ratePerSecond ?? 10_000 },
  });
  if (options.withPage === true) registerPageRoutes(server, { pageFolder: PAGE_FOLDER });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return {
    url,
    verify: async (body) =>
      fetch(`${url}/api/verify`, {
        method: 'POST',
        headers: { 'content-type': 'application/pdf' },
        body: new Uint8Array(body),
      }),
    async stop() {
      await server.close();
      await validation.close();
    },
  };
}
