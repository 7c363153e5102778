import { Type, type Static } from 'typebox';
import type { RelayOperations, ReplayFilter, ReplayProgress } from '../../relay/index.ts';
import { CALLBACK_FILTER_FIELDS, readSharedFilter, SUPERSEDED } from './callback-filter.ts';
import { presentDelivery } from './callback-present.ts';
import { OPERATOR, type AdminServer } from './routes.ts';
import { sendSteps } from './steps.ts';

const RATE_MAX = 10_000;
const RATE_DEFAULT = 50;

const FILTER_FIELDS = {
  ...CALLBACK_FILTER_FIELDS,
  state: Type.Union([Type.Literal('failed'), Type.Literal('delivered')]),
  after: Type.Optional(
    Type.String({ format: 'uuid', description: 'go on after this one, the last that an earlier run told' }),
  ),
  superseded: Type.Optional(SUPERSEDED),
};
const Preview = Type.Object(FILTER_FIELDS, { additionalProperties: false });
const Run = Type.Object(
  { ...FILTER_FIELDS, rate_per_second: Type.Optional(Type.Number({ minimum: 0.1, maximum: RATE_MAX })) },
  { additionalProperties: false },
);

function readFilter(fields: Static<typeof Preview>): ReplayFilter {
  const { state, after, superseded } = fields;
  return {
    ...readSharedFilter(fields),
    state,
    ...(after !== undefined && { after: after.toLowerCase() }),
    ...(superseded !== undefined && { superseded }),
  };
}

function presentProgress({ replayed, total, lastRequestId }: ReplayProgress): Record<string, unknown> {
  return { replayed, total, last_request_id: lastRequestId };
}

/**
 * `/callback-replays`: ended callbacks sent again by a filter. GET tells how many they would be, with a sample; POST does
 * it, the oldest first, and answers in steps, `{replayed, total, last_request_id}`. It stops when its caller leaves.
 */
export function registerReplayRoutes(
  admin: AdminServer,
  { relayOperations }: { relayOperations: Pick<RelayOperations, 'previewReplays' | 'replayMany'> },
): void {
  admin.get('/callback-replays', { schema: { querystring: Preview } }, async ({ query }) => {
    const { count, contentDropped, superseded, sample } = await relayOperations.previewReplays(readFilter(query));
    return { count, content_dropped: contentDropped, superseded, sample: sample.map(presentDelivery) };
  });

  admin.post('/callback-replays', { schema: { body: Run } }, (request, reply) => {
    const { rate_per_second: ratePerSecond = RATE_DEFAULT, ...fields } = request.body;
    return sendSteps(request, reply, async (tell, signal) =>
      presentProgress(
        await relayOperations.replayMany({
          filter: readFilter(fields),
          ratePerSecond,
          actor: OPERATOR,
          signal,
          onProgress: (progress) => tell(presentProgress(progress)),
        }),
      ),
    );
  });
}
