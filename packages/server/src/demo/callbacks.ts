import type { Arrival } from './receiver.ts';
import type { Stage } from './stage.ts';

/** Background work and two failed tries with their waits (1 s, 3 s) fit well into this. */
export const CALLBACK_TIMEOUT_MS = 60_000;

/** Waits until the partner acknowledged the message and tells its tries. Returns the message's data. */
export async function acknowledged(
  stage: Stage,
  tell: (line: string) => void,
  code: string,
  wanted: (data: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  const message = (arrival: Arrival): { api_callback_code?: string; data?: Record<string, unknown> } | undefined =>
    arrival.path === '/notify' ? (JSON.parse(arrival.body) as Record<string, never>) : undefined;
  const isIt = (arrival: Arrival): boolean => {
    const content = message(arrival);
    return content?.api_callback_code === code && wanted(content.data ?? {});
  };
  const last = await stage.receiver.waitFor(
    code,
    (arrival) => isIt(arrival) && arrival.answered !== '500',
    CALLBACK_TIMEOUT_MS,
  );
  tell(`${code}: ${triesOf(stage, last)}`);
  return message(last)?.data ?? {};
}

/** When each try of a message came, and what it was answered. */
export function triesOf(stage: Stage, last: Arrival): string {
  const tries = stage.receiver.arrivals.filter((arrival) => arrival.webhookId === last.webhookId);
  const first = tries[0]?.at.getTime() ?? 0;
  const told = tries.map((arrival) => `+${((arrival.at.getTime() - first) / 1000).toFixed(1)} s ${arrival.answered}`);
  return `${told.join(' → ')}  (webhook-id ${last.webhookId})`;
}
