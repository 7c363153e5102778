import type { Appearance, PathCommand } from '../documents/index.ts';
import type { Matrix, Outlines } from './glyphs.ts';
import { glyphsOf, roundCommands, transformCommands } from './glyphs.ts';
import type { ArcLayout, Cell, Line, LineLayout } from './seal-layout.ts';
import { layoutName, layoutNumber, layoutStraight, lineOf, place } from './seal-layout.ts';

/** The ink of a Chinese company's seal. */
export const SEAL_RED = '#D7000F';
/** The usual diameter of a company's seal. */
export const COMPANY_SEAL_DIAMETER_MM = 42;
export const POINTS_PER_MM = 72 / 25.4;

/** What a round seal says. */
export type RoundSeal = {
  /** The company's full name, set on the upper arc. */
  name: string;
  /** A straight line below the star, such as 合同专用章. */
  line?: string;
  /** A registration number on the lower arc. */
  number?: string;
};

const RADIUS_MM = COMPANY_SEAL_DIAMETER_MM / 2;
const RING_MM = 1.2;
/** White between the ring and the text. */
const TEXT_LIMIT_MM = RADIUS_MM - RING_MM - 0.8;
const NUMBER_LIMIT_MM = RADIUS_MM - RING_MM - 0.6;
const STAR_RADIUS_MM = 7;
const LINE_HEIGHT_MM = 3.8;
const LINE_BOTTOM_MM = -11.2;
/** White between the line below the star and the name's two ends. */
const LINE_MARGIN_MM = 0.7;

const radians = (degrees: number) => (degrees * Math.PI) / 180;
/** How far round the name may run: the line and the number need the ends of its arc higher. */
const NAME_SPAN_MAX = radians(285);
const NAME_SPAN_MAX_WITH_LINE = radians(256);
const NAME_SPAN_MAX_WITH_NUMBER = radians(240);
/** White between the name's ends and the number. */
const NUMBER_MARGIN = radians(7);

/**
 * Draws the standard round seal of a Chinese company, 42 mm across: ring, five-pointed star, the name on the upper
 * arc.
 *
 * @throws DomainError `seal_character_missing` with the characters that the font has not.
 */
export function roundSeal(seal: RoundSeal, outlines: Outlines): Appearance {
  const text = `${seal.name}${seal.line ?? ''}${seal.number ?? ''}`;
  glyphsOf(text, outlines);
  const lineFor = (part: string): Line => lineOf(part, glyphsOf(part, outlines));

  const name = lineFor(seal.name);
  const nameLayout = layoutName(name, TEXT_LIMIT_MM, nameSpanMax(seal));
  const paths = [ring(), star(), arcText(name, nameLayout, 'upper')];
  if (seal.line) paths.push(straightText(lineFor(seal.line), nameLayout));
  if (seal.number) {
    const number = lineFor(seal.number);
    const span = 2 * (Math.PI - nameLayout.halfSpan - NUMBER_MARGIN);
    paths.push(arcText(number, layoutNumber(number, NUMBER_LIMIT_MM, span), 'lower'));
  }
  return onPage(paths);
}

function nameSpanMax(seal: RoundSeal): number {
  if (seal.number) return NAME_SPAN_MAX_WITH_NUMBER;
  return seal.line ? NAME_SPAN_MAX_WITH_LINE : NAME_SPAN_MAX;
}

/** From millimetres about the centre to points from the lower left. */
function onPage(paths: readonly PathCommand[][]): Appearance {
  const size = COMPANY_SEAL_DIAMETER_MM * POINTS_PER_MM;
  const toPoints: Matrix = { a: POINTS_PER_MM, b: 0, c: 0, d: POINTS_PER_MM, e: size / 2, f: size / 2 };
  return {
    width: size,
    height: size,
    paths: paths.map((commands) => ({
      fill: SEAL_RED,
      commands: roundCommands(transformCommands(commands, toPoints)),
    })),
  };
}

/** Two circles in opposite directions: under the nonzero rule the inner one is a hole. */
function ring(): PathCommand[] {
  return [...circle(RADIUS_MM, 1), ...circle(RADIUS_MM - RING_MM, -1)];
}

/** A circle of four Bézier arcs, off by less than 0.03 % of its radius. */
function circle(radius: number, direction: 1 | -1): PathCommand[] {
  const handle = (4 / 3) * Math.tan(Math.PI / 8) * radius;
  const commands: PathCommand[] = [{ op: 'M', x: radius, y: 0 }];
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const from = (direction * quarter * Math.PI) / 2;
    const to = (direction * (quarter + 1) * Math.PI) / 2;
    const [x, y] = [radius * Math.cos(to), radius * Math.sin(to)];
    commands.push({
      op: 'C',
      x1: radius * Math.cos(from) - direction * handle * Math.sin(from),
      y1: radius * Math.sin(from) + direction * handle * Math.cos(from),
      x2: x + direction * handle * Math.sin(to),
      y2: y - direction * handle * Math.cos(to),
      x,
      y,
    });
  }
  return [...commands, { op: 'Z' }];
}

/** The five-pointed star of the flag law: its inner corners lie where the pentagram's lines cross. */
function star(): PathCommand[] {
  const innerRadius = (STAR_RADIUS_MM * Math.sin(radians(18))) / Math.sin(radians(54));
  const commands = Array.from({ length: 10 }, (_, corner): PathCommand => {
    const radius = corner % 2 === 0 ? STAR_RADIUS_MM : innerRadius;
    const angle = radians(36 * corner);
    return { op: corner === 0 ? 'M' : 'L', x: radius * Math.sin(angle), y: radius * Math.cos(angle) };
  });
  return [...commands, { op: 'Z' }];
}

/** On the upper arc heads point outwards; on the lower one to the centre, so that both read from left to right. */
function arcText(line: Line, layout: ArcLayout, side: 'upper' | 'lower'): PathCommand[] {
  return drawCells(line, layout, (_, index) => {
    const angle = layout.angles[index] ?? 0;
    return side === 'upper' ? { angle, x: 0, foot: layout.radius } : { angle: -angle, x: 0, foot: -layout.radius };
  });
}

function straightText(line: Line, name: ArcLayout): PathCommand[] {
  const layout = layoutStraight(line, LINE_BOTTOM_MM, LINE_HEIGHT_MM, 2 * lineHalfWidthMax(name));
  return drawCells(line, layout, (_, index) => ({ angle: 0, x: layout.centres[index] ?? 0, foot: layout.bottom }));
}

/**
 * Half the room for the line below the star: it lies either wholly within the circle on which the name stands, or
 * below the rays on which the name ends and within the ring, whichever is wider.
 */
function lineHalfWidthMax(name: ArcLayout): number {
  const chord = (radius: number) => Math.sqrt(Math.max(radius * radius - LINE_BOTTOM_MM * LINE_BOTTOM_MM, 0));
  const top = LINE_BOTTOM_MM + LINE_HEIGHT_MM;
  const belowRays = name.halfSpan <= Math.PI / 2 ? Infinity : -top * Math.tan(Math.PI - name.halfSpan) - LINE_MARGIN_MM;
  return Math.max(chord(name.radius - LINE_MARGIN_MM), Math.min(belowRays, chord(TEXT_LIMIT_MM)));
}

type Frame = { angle: number; x: number; foot: number };

function drawCells(line: Line, layout: LineLayout, frameOf: (cell: Cell, index: number) => Frame): PathCommand[] {
  return line.cells.flatMap((cell, index) =>
    transformCommands(line.glyphs[index]?.commands ?? [], place(layout, cell, frameOf(cell, index))),
  );
}
