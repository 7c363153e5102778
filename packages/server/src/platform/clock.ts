/** Where the time comes from. Tests hand in a clock of their own; nothing else may call `new Date()` for the present. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

const CHINA_OFFSET_MS = 8 * 3_600_000;

/** The calendar fields of an instant in China Standard Time (UTC+8, no summer time). */
function chinaFields(at: Date): { date: string; time: string } {
  const iso = new Date(at.getTime() + CHINA_OFFSET_MS).toISOString();
  return { date: iso.slice(0, 10), time: iso.slice(11, 19) };
}

/** `yyyy-MM-dd HH:mm:ss` in China time, as the ETC contracts write a moment. */
export function chinaDateTime(at: Date): string {
  const { date, time } = chinaFields(at);
  return `${date} ${time}`;
}

/** `yyyy-MM-dd` in China time. */
export function chinaDate(at: Date): string {
  return chinaFields(at).date;
}
