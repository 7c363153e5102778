/**
 * What stands at `path` (keys joined by dots, such as `data.flow_id`) of a parsed JSON value; undefined where nothing
 * does. Only an object's own keys count: neither list indexes nor what objects inherit.
 */
export function valueAtPath(value: unknown, path: string): unknown {
  let at = value;
  for (const key of path.split('.')) {
    if (at === null || typeof at !== 'object' || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
