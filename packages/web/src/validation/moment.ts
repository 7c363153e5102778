const ISO = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/;
const CHINA_MS = 8 * 3_600_000;

/**
 * A moment with its zone. What a file states is shown as it states it; a moment in UTC is shown as people in China read it.
 *
 * @param noZone what stands where no zone is stated
 */
export function moment(iso: string, noZone: string): string {
  const [, day = '', time = '', zone] = ISO.exec(iso) ?? [];
  if (day === '') return iso;
  if (zone === undefined) return `${day} ${time} (${noZone})`;
  if (zone !== 'Z') return `${day} ${time} UTC${zone}`;
  const there = new Date(new Date(iso).getTime() + CHINA_MS).toISOString();
  return `${there.slice(0, 10)} ${there.slice(11, 19)} UTC+08:00`;
}
