/** A mobile with its middle hidden: `138****8000`. Fit for pages, audits and logs. */
export function maskMobile(mobile: string): string {
  return maskMiddle(mobile, 3, 4, 4);
}

/** An ID number with its middle hidden: `110***********002X`. */
export function maskIdNumber(idNumber: string): string {
  return maskMiddle(idNumber, 3, 4, 11);
}

/** An e-mail address with all but its first letter and its domain hidden: `l***@example.com`; all of it where only one letter is before the `@`. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 2 ? '***' : `${Array.from(email)[0] ?? ''}***${email.slice(at)}`;
}

/** A name whose family part alone shows: `李*`, `欧***`. */
export function maskName(name: string): string {
  const [first = '', ...rest] = Array.from(name);
  return first + '*'.repeat(Math.max(1, rest.length));
}

function maskMiddle(text: string, head: number, tail: number, stars: number): string {
  if (text.length < head + tail + 1) return '*'.repeat(stars);
  return `${text.slice(0, head)}${'*'.repeat(stars)}${text.slice(-tail)}`;
}
