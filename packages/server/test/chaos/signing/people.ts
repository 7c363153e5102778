import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Individual } from '../../../src/signing/index.ts';
import { defaultChoices, openLink, startSignerHttp } from '../../support/signer-client.ts';
import type { SigningSite } from './site.ts';

/** Somebody who signs on the signing page, on the first page of the document. */
export interface Person {
  readonly individual: Individual;
  /** Waits for the link, proves who they are, agrees, reads and looks at the preview; the answer confirms it. */
  preview(): Promise<() => Promise<void>>;
}

export interface People {
  /** Whom nobody has written to yet; `x` is where they sign. */
  next(x: number): Person;
  close(): Promise<void>;
}

const MESSAGE_MS_MAX = 60_000;
const LOOK_AGAIN_MS = 25;

/** People with phones: their messages and their browsers. */
export async function openPeople(site: SigningSite): Promise<People> {
  const http = await startSignerHttp({ signing: site.signing, clock: systemClock });
  let count = 0;

  /** What the last message to this mobile says of `part`, once it is there. */
  async function toldTo(mobile: string, part: 'url' | 'code'): Promise<string> {
    const deadline = performance.now() + MESSAGE_MS_MAX;
    for (;;) {
      const last = site.sent.findLast(({ to, params }) => to.mobile === mobile && part in params);
      if (last !== undefined) return last.params[part] ?? '';
      if (performance.now() > deadline) throw new Error(`nobody has sent a ${part} to ${mobile}`);
      await wait(LOOK_AGAIN_MS);
    }
  }

  return {
    next(x) {
      count += 1;
      const mobile = `139${String(count).padStart(8, '0')}`;
      const field = { placement: { kind: 'free' }, width: null, date: null, forms: [] } as const;
      const individual = { signOrder: 2, name: '李四', idNumber: '11010519491231002X', mobile, fields: [field] };
      return {
        individual,
        async preview() {
          const client = await openLink(http, new URL(await toldTo(mobile, 'url')).hash.slice(1));
          await client.enter(() => toldTo(mobile, 'code'));
          await client.read();
          const { previewId } = await client.preview(defaultChoices(await client.task(), { page: 1, x, y: 600 }));
          return async () => void (await client.done('POST', '/confirm', { previewId }));
        },
      };
    },
    close: () => http.close(),
  };
}
