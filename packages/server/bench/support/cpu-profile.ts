import { readFile } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A `.cpuprofile` as V8 writes it (Chrome DevTools Protocol, Profiler.Profile). Times are microseconds. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Shares are of the time in which the main thread was busy. */
export interface ProfileShares {
  readonly busyMs: number;
  readonly idleMs: number;
  /** By function: `name file:line`. */
  readonly functions: readonly Share[];
  /** Self time by file of ours, by package, or by module of Node.js. */
  readonly places: readonly Share[];
  /** The same, but the time of Node.js itself counts for the file or package that called it. */
  readonly charged: readonly Share[];
}

interface Share {
  readonly name: string;
  readonly share: number;
}

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url));
const IDLE = '(idle)';

export async function readCpuProfile(file: string): Promise<ProfileShares> {
  return sharesOf(JSON.parse(await readFile(file, 'utf8')) as CpuProfile);
}

function sharesOf(profile: CpuProfile): ProfileShares {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const selfMicros = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    selfMicros.set(id, (selfMicros.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const totals = {
    functions: new Map<string, number>(),
    places: new Map<string, number>(),
    charged: new Map<string, number>(),
  };
  let idleMicros = 0;
  let busyMicros = 0;
  for (const [id, micros] of selfMicros) {
    const frame = nodes.get(id)?.callFrame;
    if (frame === undefined) continue;
    if (frame.functionName === IDLE) {
      idleMicros += micros;
      continue;
    }
    busyMicros += micros;
    const place = placeOf(frame);
    const name =
      frame.url === '' ? frame.functionName : `${frame.functionName || '(anonymous)'} ${place}:${frame.lineNumber + 1}`;
    add(totals.functions, name, micros);
    add(totals.places, place, micros);
    let at: number | undefined = id;
    let owner = place;
    while (at !== undefined && isOfNode(owner)) {
      at = parents.get(at);
      const above = at === undefined ? undefined : nodes.get(at)?.callFrame;
      if (above !== undefined) owner = placeOf(above);
    }
    add(totals.charged, isOfNode(owner) ? place : owner, micros);
  }
  const shares = (of: ReadonlyMap<string, number>): Share[] =>
    [...of].map(([name, micros]) => ({ name, share: micros / busyMicros })).toSorted((a, b) => b.share - a.share);
  return {
    busyMs: busyMicros / 1_000,
    idleMs: idleMicros / 1_000,
    functions: shares(totals.functions),
    places: shares(totals.places),
    charged: shares(totals.charged),
  };
}

function add(to: Map<string, number>, name: string, micros: number): void {
  to.set(name, (to.get(name) ?? 0) + micros);
}

/** Node.js's own modules, and what is native: `(native)`, the garbage collector `(garbage collector)`. */
function isOfNode(place: string): boolean {
  return place.startsWith('node:') || place === '(native)' || place === '(root)';
}

function placeOf(frame: { readonly functionName: string; readonly url: string }): string {
  const { url, functionName } = frame;
  if (url === '') return functionName.startsWith('(') && functionName !== '(anonymous)' ? functionName : '(native)';
  if (url.startsWith('node:')) return url;
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  const packages = path.split(`node_modules${sep}`);
  const inPackage = packages.length > 1 ? packages.at(-1) : undefined;
  if (inPackage === undefined) return relative(SOURCE, path);
  const parts = inPackage.split(sep);
  return parts.slice(0, parts[0]?.startsWith('@') === true ? 2 : 1).join('/');
}

/** The heads of the three lists as text. */
export function profileText(shares: ProfileShares, rows: { places: number; functions: number }): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1).padStart(6)} %`;
  const list = (title: string, of: readonly Share[], count: number): string[] => [
    '',
    title,
    ...of.slice(0, count).map(({ name, share }) => `${percent(share)}  ${name}`),
  ];
  const whole = shares.busyMs + shares.idleMs;
  return [
    `main thread busy ${Math.round(shares.busyMs)} ms of ${Math.round(whole)} ms (${percent(shares.busyMs / whole).trim()})`,
    ...list(
      'by caller (what Node.js itself does counts for the file or package that asked for it)',
      shares.charged,
      rows.places,
    ),
    ...list('by place (self time)', shares.places, rows.places),
    ...list('by function (self time)', shares.functions, rows.functions),
  ].join('\n');
}
