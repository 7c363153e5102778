const DATE = /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?'?)?/;

/**
 * A date of a PDF (7.9.4) in ISO 8601 with its zone as it is written, or without one where none is written; null where it
 * is none.
 *
 * @example parsePdfDate("D:20260302003005+08'00'") // '2026-03-02T00:30:05+08:00'
 */
export function parsePdfDate(text: string | null): string | null {
  const match = DATE.exec(text ?? '');
  if (!match) return null;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', utc, sign, hours, minutes] =
    match;
  const zone = utc !== undefined ? 'Z' : sign === undefined ? '' : `${sign}${hours}:${minutes ?? '00'}`;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`;
  return Number.isNaN(Date.parse(iso)) ? null : iso;
}
