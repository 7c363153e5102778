/** RFC 6265: one cookie of the Cookie header. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Set-Cookie for a session: no script reads it, no other site's request carries it. */
export function sessionCookie(
  name: string,
  value: string,
  { path, lifeMs, isSecure }: { path: string; lifeMs: number; isSecure: boolean },
): string {
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=${path}; Max-Age=${lifeMs / 1000}; HttpOnly; SameSite=Strict${secure}`;
}

/** Where a page's API stands below the service's URL, and whether its cookie may travel on an encrypted connection alone. */
export function cookiePlace(
  baseUrl: string,
  folder: string,
  request: { protocol: string },
): { path: string; isSecure: boolean } {
  const base = URL.parse(baseUrl);
  return {
    path: `${(base?.pathname ?? '/').replace(/\/$/, '')}/${folder}/`,
    isSecure: base?.protocol === 'https:' || request.protocol === 'https',
  };
}
