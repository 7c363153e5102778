/** One cell of a row, its text broken into lines. */
interface Cell {
  left: number;
  textLeft: number;
  lines: readonly string[];
}

/** A row of a table before it is known on which page it stands. Points. */
export interface Row {
  cells: readonly Cell[];
  size: number;
  leading: number;
  padding: number;
  /** Of its longest cell. */
  lineCount: number;
  /** How high so many of its lines are. */
  heightOf(lines: number): number;
  /** How many of its lines fit into this height. */
  linesIn(height: number): number;
}

const PADDING = 3;
const LEADING = 1.45;
const FOOT = 2;

/** Breaks the cells' texts so that each fits its column. */
export function layoutRow(input: {
  cells: readonly string[];
  /** The columns' parts of the width. */
  shares: readonly number[];
  size: number;
  left: number;
  width: number;
  wrap: (text: string, width: number, size: number) => string[];
}): Row {
  const { cells, shares, size, left, width, wrap } = input;
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const leading = size * LEADING;
  let at = left;
  const laidOut = cells.map((text, index): Cell => {
    const columnWidth = (width * (shares[index] ?? 0)) / whole;
    const cell = { left: at, textLeft: at + PADDING, lines: wrap(text, columnWidth - 2 * PADDING, size) };
    at += columnWidth;
    return cell;
  });
  return {
    cells: laidOut,
    size,
    leading,
    padding: PADDING,
    lineCount: Math.max(1, ...laidOut.map((cell) => cell.lines.length)),
    heightOf: (lines) => lines * leading + 2 * PADDING + FOOT,
    linesIn: (height) => Math.max(0, Math.floor((height - 2 * PADDING - FOOT) / leading)),
  };
}
