import { promisify } from 'node:util';
import { constants, deflate } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';
import type { AppearancePath, PathCommand } from './appearance.ts';
import type { Box, PdfPage } from './pdf/pages.ts';
import type { PdfRevision } from './pdf/revision.ts';
import { serializeNumber } from './pdf/serialize.ts';
import { dict, name, PdfStream } from './pdf/values.ts';
import type { PdfRef, PdfValue } from './pdf/values.ts';
import type { Widget } from './widgets.ts';

const compress = promisify<Buffer, ZlibOptions, Buffer>(deflate);

/** A drawing's paths as they stand in a file, compressed. Nothing but numbers and bytes: it can be sent to a thread. */
export type PreparedForm = { box: readonly number[]; opacities: readonly number[]; content: Uint8Array };

type PreparedDrawing = {
  rect: Box;
  width: number;
  height: number;
  originX: number;
  /** Index of its paths among the forms. */
  form: number;
};

/** A widget whose drawings name their paths by number. */
export type PreparedWidget = {
  pageIndex: number;
  drawings: readonly [PreparedDrawing, ...PreparedDrawing[]];
};

/**
 * Drawings as they stand in a file, by the identity of their paths: a company's seal is written into document after
 * document, and translating and compressing it costs as much as the signature itself.
 */
const translations = new WeakMap<readonly AppearancePath[], Promise<PreparedForm>>();

/** Counter-clockwise turns that set a drawing upright on a page that is shown turned clockwise. */
const UPRIGHT: Readonly<Record<PdfPage['rotate'], readonly number[]>> = {
  0: [1, 0, 0, 1, 0, 0],
  90: [0, 1, -1, 0, 0, 0],
  180: [-1, 0, 0, -1, 0, 0],
  270: [0, -1, 1, 0, 0, 0],
};

/** Widgets with the paths of their drawings translated, each path once however many pages a seal runs across. */
export async function prepareWidgets(
  widgets: readonly Widget[],
): Promise<{ forms: readonly PreparedForm[]; widgets: readonly PreparedWidget[] }> {
  const numbers = new Map<readonly AppearancePath[], number>();
  const prepared = (drawing: Widget['drawings'][number]): PreparedDrawing => {
    const { width, height, originX = 0, paths } = drawing.appearance;
    const form = numbers.get(paths) ?? numbers.size;
    numbers.set(paths, form);
    return { rect: drawing.rect, width, height, originX, form };
  };
  const each = widgets.map(({ pageIndex, drawings: [first, ...others] }): PreparedWidget => {
    return { pageIndex, drawings: [prepared(first), ...others.map(prepared)] };
  });
  return { forms: await Promise.all([...numbers.keys()].map(translated)), widgets: each };
}

/**
 * Writes the appearances of widgets, each a small form XObject around larger ones that hold the paths. Those are written
 * once, in the first revision that shows them, however many pages a seal runs across.
 */
export class AppearanceWriter {
  readonly #forms: readonly PreparedForm[];
  readonly #written = new Map<number, PdfRef>();

  constructor(forms: readonly PreparedForm[]) {
    this.#forms = forms;
  }

  /** The form of a widget whose rectangle is `bounds`, upright on a page that is shown turned by `rotate`. */
  add(
    revision: PdfRevision,
    { drawings }: Pick<PreparedWidget, 'drawings'>,
    bounds: Box,
    rotate: PdfPage['rotate'],
  ): PdfRef {
    const names = new Map<PdfRef, string>();
    let content = '';
    for (const drawing of drawings) {
      const drawn = this.#drawn(revision, drawing.form);
      const resource = names.get(drawn) ?? `D${names.size}`;
      names.set(drawn, resource);
      content += drawingOperators(drawing, bounds, resource);
    }
    const resources = Object.fromEntries([...names].map(([ref, resource]) => [resource, ref]));
    const form = dict({
      Type: name('XObject'),
      Subtype: name('Form'),
      BBox: [0, 0, bounds[2] - bounds[0], bounds[3] - bounds[1]],
      Matrix: [...UPRIGHT[rotate]],
      Resources: dict({ XObject: dict(resources) }),
    });
    return revision.add(new PdfStream(form, Buffer.from(content, 'latin1')));
  }

  #drawn(revision: PdfRevision, number: number): PdfRef {
    const known = this.#written.get(number);
    if (known) return known;
    const form = this.#forms[number];
    if (!form) throw new RangeError('no such drawing');
    const written = revision.add(formStream(form));
    this.#written.set(number, written);
    return written;
  }
}

function formStream({ box, opacities, content }: PreparedForm): PdfStream {
  const states = Object.fromEntries(
    opacities.map((opacity, index): [string, PdfValue] => [`O${index}`, dict({ ca: opacity })]),
  );
  const header = dict({
    Type: name('XObject'),
    Subtype: name('Form'),
    BBox: [...box],
    Resources: dict(opacities.length > 0 ? { ExtGState: dict(states) } : {}),
    Filter: name('FlateDecode'),
  });
  return new PdfStream(header, Buffer.from(content.buffer, content.byteOffset, content.byteLength));
}

/** Clips to the drawing's own rectangle, then draws its window scaled to fill that. */
function drawingOperators(drawing: PreparedDrawing, bounds: Box, resource: string): string {
  const { rect } = drawing;
  const [left, bottom] = [rect[0] - bounds[0], rect[1] - bounds[1]];
  const [width, height] = [rect[2] - rect[0], rect[3] - rect[1]];
  const [scaleX, scaleY] = [width / drawing.width, height / drawing.height];
  const x = left - drawing.originX * scaleX;
  const matrix = [scaleX, 0, 0, scaleY, x, bottom].map(serializeNumber).join(' ');
  const clip = [left, bottom, width, height].map(serializeNumber).join(' ');
  return `q ${clip} re W n ${matrix} cm /${resource} Do Q\n`;
}

function translated(paths: readonly AppearancePath[]): Promise<PreparedForm> {
  const known = translations.get(paths);
  if (known) return known;
  const made = translate(paths);
  translations.set(paths, made);
  return made;
}

async function translate(paths: readonly AppearancePath[]): Promise<PreparedForm> {
  const opacities = [...new Set(paths.map((path) => path.opacity ?? 1).filter((opacity) => opacity < 1))];
  const text = paths.map((path) => pathOperators(path, opacities.indexOf(path.opacity ?? 1))).join('');
  // A seal is 8 % larger than at the default level, in half the time.
  const content = await compress(Buffer.from(text, 'latin1'), { level: constants.Z_BEST_SPEED });
  return { box: boxAround(paths), opacities, content };
}

/** A box around every control point, and so around every curve, with a point to spare for anti-aliasing. */
function boxAround(paths: readonly AppearancePath[]): number[] {
  let [left, bottom, right, top] = [0, 0, 0, 0];
  const include = (x: number, y: number): void => {
    left = Math.min(left, x);
    bottom = Math.min(bottom, y);
    right = Math.max(right, x);
    top = Math.max(top, y);
  };
  for (const { commands } of paths) {
    for (const command of commands) {
      if (command.op === 'Z') continue;
      include(command.x, command.y);
      if (command.op === 'Q' || command.op === 'C') include(command.x1, command.y1);
      if (command.op === 'C') include(command.x2, command.y2);
    }
  }
  return [Math.floor(left) - 1, Math.floor(bottom) - 1, Math.ceil(right) + 1, Math.ceil(top) + 1];
}

/** Colour, path and fill by the nonzero winding rule (8.5.3.3). */
function pathOperators(path: AppearancePath, opacityIndex: number): string {
  const colour = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(path.fill);
  if (!colour) throw new RangeError('a fill is #RRGGBB');
  const channels = colour.slice(1).map((hex) => short(Number.parseInt(hex, 16) / 255));
  const state = opacityIndex === -1 ? '' : `/O${opacityIndex} gs\n`;
  return `q\n${state}${channels.join(' ')} rg\n${constructionOperators(path.commands)}f\nQ\n`;
}

function constructionOperators(commands: readonly PathCommand[]): string {
  let text = '';
  let [x, y] = [0, 0];
  let [startX, startY] = [0, 0];
  for (const command of commands) {
    switch (command.op) {
      case 'M':
        [startX, startY] = [command.x, command.y];
        text += `${point(command.x, command.y)} m\n`;
        break;
      case 'L':
        text += `${point(command.x, command.y)} l\n`;
        break;
      case 'Q': {
        // A quadratic is the cubic whose control points lie two thirds of the way to its own.
        const first = point(x + (2 / 3) * (command.x1 - x), y + (2 / 3) * (command.y1 - y));
        const second = point(
          command.x + (2 / 3) * (command.x1 - command.x),
          command.y + (2 / 3) * (command.y1 - command.y),
        );
        text += `${first} ${second} ${point(command.x, command.y)} c\n`;
        break;
      }
      case 'C':
        text += `${point(command.x1, command.y1)} ${point(command.x2, command.y2)} ${point(command.x, command.y)} c\n`;
        break;
      case 'Z':
        text += 'h\n';
        [x, y] = [startX, startY];
        continue;
    }
    [x, y] = [command.x, command.y];
  }
  return text;
}

function point(x: number, y: number): string {
  return `${short(x)} ${short(y)}`;
}

/** A thousandth of a point is finer than any device draws. So rounded, `String` needs no exponent below 10^21. */
function short(value: number): string {
  const rounded = Math.round(value * 1000) / 1000;
  if (!(Math.abs(rounded) < 1e9)) throw new RangeError('a drawing lies within a sane distance of its origin');
  return String(rounded);
}
