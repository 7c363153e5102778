/** A moment as a bank writes it, in China time where it names no zone. `dateOnly`: the day alone was told. */
export interface Moment {
  at: Date;
  dateOnly: boolean;
}

const DATE = String.raw`(?<year>\d{4})(?:-(?<m1>\d{1,2})-(?<d1>\d{1,2})|/(?<m2>\d{1,2})/(?<d2>\d{1,2})|\.(?<m3>\d{1,2})\.(?<d3>\d{1,2})|年(?<m4>\d{1,2})月(?<d4>\d{1,2})日|(?<m5>\d{2})(?<d5>\d{2}))`;
const TIME = String.raw`(?:(?<h1>\d{1,2}):(?<i1>\d{2})(?::(?<s1>\d{2})(?:\.\d{1,9})?)?|(?<h2>\d{2})(?<i2>\d{2})(?<s2>\d{2}))`;
const MOMENT = new RegExp(String.raw`^${DATE}(?:[T ]*${TIME}(?<zone>Z|[+-]\d{2}:?\d{2})?)?$`);
const CHINA_ZONE_MINUTES = 480;
const MINUTE_MS = 60_000;
const CHARACTERS_MAX = 40;

/**
 * `2026-03-05`, `20260305`, `2026/3/5`, `2026年3月5日`, each with or without a time `12:54:45` or `125445`, and ISO 8601
 * with a zone. Undefined where it is none of them or no day of the calendar.
 */
export function parseMoment(text: string): Moment | undefined {
  const written = text.trim();
  if (written.length > CHARACTERS_MAX) return undefined;
  const found = MOMENT.exec(written)?.groups;
  if (found === undefined) return undefined;
  const number = (...names: string[]): number => Number(names.map((name) => found[name]).find(Boolean) ?? '0');
  const [year, month, day] = [
    number('year'),
    number('m1', 'm2', 'm3', 'm4', 'm5'),
    number('d1', 'd2', 'd3', 'd4', 'd5'),
  ];
  const [hour, minute, second] = [number('h1', 'h2'), number('i1', 'i2'), number('s1', 's2')];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (year < 1900 || utc.getUTCMonth() !== month - 1 || utc.getUTCDate() !== day) return undefined;
  const dateOnly = found['h1'] === undefined && found['h2'] === undefined;
  return { at: new Date(utc.getTime() - zoneMinutes(found['zone']) * MINUTE_MS), dateOnly };
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined) return CHINA_ZONE_MINUTES;
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith('-') ? -minutes : minutes;
}
