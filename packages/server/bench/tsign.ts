import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, putLoad, type LoadRequest } from './support/load.ts';
import { startProcess, type BenchProcess } from './support/process.ts';
import type { TsignServiceReady } from './support/tsign-terms.ts';

const ROUNDS = 15;
const ROUND_MS = 1_000;
const WARM_UP_MS = 1_500;
const CONNECTIONS = 32;
const JSON_TYPE = 'application/json; charset=UTF-8';

/** Queries a second of seed 001's route: signed, with a token, and without any authentication, in turn. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-bench-'));
  // Passable for the database's unprivileged user, should root run this.
  await chmod(folder, 0o711);
  try {
    await using service = await startProcess<TsignServiceReady>(new URL('support/tsign-service.ts', import.meta.url), [
      folder,
    ]);
    await compare(service);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly perSecond: number;
  /** What the service's process spends on a query: what a busy machine does to the rate is not in it. */
  readonly cpuMicros: number;
}

async function compare(service: BenchProcess<TsignServiceReady>): Promise<void> {
  const { authenticated, open, flowIds, ...account } = service.ready;
  const paths = flowIds.map((id) => `/v2/identity/auth/pub/organization/${id}/query/reversePaymentProcess`);
  // Signed beforehand, and the open route gets the same bytes: what a client spends is in neither figure.
  const signed = paths.map((path) => signedRequest(path, account));
  const withToken = paths.map((path): LoadRequest => ({
    method: 'GET',
    path,
    headers: { 'x-tsign-open-app-id': account.appId, 'x-tsign-open-token': account.token },
  }));
  const variants = [
    { name: 'signature', origin: authenticated, requests: signed },
    { name: 'no authentication', origin: open, requests: signed },
    { name: 'token', origin: authenticated, requests: withToken },
  ];
  const measure = async (variant: (typeof variants)[number], milliseconds: number): Promise<Measured> => {
    const before = await service.cpuMicros();
    const { answered, perSecond } = await putLoad({ ...variant, connections: CONNECTIONS, milliseconds });
    return { perSecond, cpuMicros: ((await service.cpuMicros()) - before) / answered };
  };
  for (const variant of variants) await measure(variant, WARM_UP_MS);

  const measured = new Map(variants.map(({ name }) => [name, [] as Measured[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each round begins with another one, so that none is always first.
    const order = variants
      .map((_, index) => variants[(index + round) % variants.length])
      .filter((v) => v !== undefined);
    for (const variant of order) measured.get(variant.name)?.push(await measure(variant, ROUND_MS));
  }
  report(measured);
}

/** As a client signs, from contracts/tsign-auth.md; valid for 15 minutes. */
function signedRequest(path: string, { appId, secret }: { appId: string; secret: string }): LoadRequest {
  const text = `GET\n*/*\n\n${JSON_TYPE}\n\n${path}`;
  return {
    method: 'GET',
    path,
    headers: {
      'x-tsign-open-app-id': appId,
      'x-tsign-open-auth-mode': 'Signature',
      'x-tsign-open-ca-timestamp': String(Date.now()),
      'x-tsign-open-ca-signature': createHmac('sha256', secret).update(text).digest('base64'),
      'content-type': JSON_TYPE,
      accept: '*/*',
    },
  };
}

function report(measured: ReadonlyMap<string, readonly Measured[]>): void {
  const without = measured.get('no authentication') ?? [];
  for (const [name, each] of measured) {
    const ratios = each.map(({ perSecond }, round) => perSecond / (without[round]?.perSecond ?? Number.NaN));
    const cpuRatios = each.map(({ cpuMicros }, round) => (without[round]?.cpuMicros ?? Number.NaN) / cpuMicros);
    const rate = median(each.map(({ perSecond }) => perSecond));
    const cpu = median(each.map(({ cpuMicros }) => cpuMicros));
    console.log(
      `${name.padEnd(18)} ${rate.toFixed(0).padStart(6)} queries/s, ratio ${median(ratios).toFixed(2)}` +
        `   ${cpu.toFixed(0).padStart(4)} µs of the service's processor each, ratio ${median(cpuRatios).toFixed(2)}`,
    );
  }
}
