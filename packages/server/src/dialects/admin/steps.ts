import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDomainError } from '../../platform/errors.ts';
import { adminAnswer } from './errors.ts';

type Line = Readonly<Record<string, unknown>>;

/** Long work: it tells how far it is, and ends early once the signal is aborted. Answers what it came to. */
export type SteppedWork = (tell: (step: Line) => void, signal: AbortSignal) => Promise<Line>;

const PROGRESS_EVERY_MS = 200;

/**
 * Answers with a line of JSON (application/x-ndjson) for each step, and a last one with `result`, or with `error` and
 * `message`. The signal is aborted when nobody listens any more.
 */
export function sendSteps(request: FastifyRequest, reply: FastifyReply, work: SteppedWork): FastifyReply {
  const lines = steps(work, (error) => request.log.error({ err: error }, 'work in steps failed'));
  return reply.type('application/x-ndjson').send(Readable.from(lines));
}

async function* steps(work: SteppedWork, onFailure: (error: unknown) => void): AsyncGenerator<string> {
  const left = new AbortController();
  let step: Line = {};
  const run = async (): Promise<Line> => {
    try {
      return { result: await work((told) => (step = told), left.signal) };
    } catch (error) {
      const answer = isDomainError(error) ? adminAnswer(error) : undefined;
      if (answer === undefined && !left.signal.aborted) onFailure(error);
      return answer?.body ?? { error: 'internal', message: 'the service failed; its log says why' };
    }
  };
  const ending = run();
  try {
    for (;;) {
      const ended = await Promise.race([ending, wait(PROGRESS_EVERY_MS, undefined, { ref: false })]);
      if (ended !== undefined) {
        yield `${JSON.stringify(ended)}\n`;
        return;
      }
      yield `${JSON.stringify(step)}\n`;
    }
  } finally {
    left.abort();
  }
}
