/** Every text of a tree with its path; what takes arguments is called with some. */
export function textsOf(tree: unknown, path: string): [string, string][] {
  if (typeof tree === 'string') return [[path, tree]];
  if (typeof tree === 'function') return textsOf((tree as (...given: unknown[]) => unknown)('甲', '乙', '丙'), path);
  return Object.entries(tree as object).flatMap(([key, value]) => textsOf(value, `${path}.${key}`));
}
