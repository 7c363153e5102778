import { breakLines } from './line-breaking.ts';
import type { Mark, PageMarks } from './marks.ts';
import { openPageFont, type PageFont } from './page-font.ts';
import { writePdf } from './pdf-file.ts';
import { layoutRow, type Row } from './table-row.ts';

export interface ComposerOptions {
  title: string;
  /** The file's date of creation. */
  at: Date;
  /** Stands at the foot of each page, left of its number. */
  footer?: string;
}

export interface TableColumn {
  /** `\n` parts its lines. */
  title: string;
  /** Its part of the table's width, in any unit. */
  share: number;
}

export interface Table {
  columns: readonly TableColumn[];
  /** One text a column; `\n` parts lines. */
  rows: readonly (readonly string[])[];
  /** Points; 8 by default. */
  size?: number;
}

export interface TextStyle {
  size?: number;
  colour?: string;
  align?: 'left' | 'centre';
}

/**
 * Writes a document from its top to its end, page after page of A4. Texts may hold any character: what the font has not
 * is shown as its code point.
 */
export interface Composer {
  readonly font: PageFont;
  /** The edges of what is written, points from the page's lower left. */
  readonly area: { left: number; right: number; top: number; bottom: number };
  /** A heading that stays with what follows: Chinese, and English in grey beside it. */
  heading(chinese: string, english: string): void;
  paragraph(text: string, style?: TextStyle): void;
  space(points: number): void;
  /** Labels and what they say, in two columns. */
  record(entries: readonly (readonly [label: string, text: string])[]): void;
  /** Its head is repeated on each page; a row is parted only where it is longer than a page. */
  table(table: Table): void;
  /** Draws at a place of its own on the present page. */
  draw(mark: Mark): void;
  /** Points from the page's lower edge: where the next line begins. */
  position(): number;
  finish(): Promise<Buffer>;
}

/** A4, in points. */
const PAGE = { width: 595.28, height: 841.89 };
const MARGIN = 50;
const AREA = { left: MARGIN, right: PAGE.width - MARGIN, top: PAGE.height - MARGIN, bottom: MARGIN + 14 };
const WIDTH = AREA.right - AREA.left;
const LINE_HEIGHT = 1.5;
const BODY_SIZE = 9;
const TABLE_SIZE = 8;
const HEADING_SIZE = 12;
/** A heading takes this much of what follows along to the next page. */
const HEADING_KEEPS = 60;
const FOOTER_SIZE = 7;
const INK = '#1A1A1A';
const GREY = '#6B6B6B';
const RULE = '#C8C8C8';
const SHADE = '#F1F1F1';
/** A row that is parted leaves so many lines on either page. */
const LINES_KEPT = 3;
/** The first column of a record. */
const LABEL_SHARE = 30;

export async function createComposer(options: ComposerOptions): Promise<Composer> {
  const font = await openPageFont();
  const pages: PageMarks[] = [[]];
  let y = AREA.top;

  const draw = (mark: Mark): void => {
    pages.at(-1)?.push(mark);
  };
  const turnPage = (): void => {
    pages.push([]);
    y = AREA.top;
  };
  const need = (points: number): void => {
    if (y - points < AREA.bottom && y < AREA.top) turnPage();
  };
  const wrapped = (text: string, width: number, size: number): string[] => {
    const showable = text.split('\n').map((line) => font.showable(line));
    return breakLines(showable.join('\n'), width, (line) => font.measure(line, size));
  };

  function paragraph(text: string, { size = BODY_SIZE, colour = INK, align = 'left' }: TextStyle = {}): void {
    for (const line of wrapped(text, WIDTH, size)) {
      need(size * LINE_HEIGHT);
      y -= size * LINE_HEIGHT;
      const x = align === 'left' ? AREA.left : AREA.left + (WIDTH - font.measure(line, size)) / 2;
      draw({ kind: 'text', x, y: y + size * 0.35, size, text: line, colour });
    }
  }

  function rowOf(cells: readonly string[], shares: readonly number[], size: number): Row {
    return layoutRow({ cells, shares, size, left: AREA.left, width: WIDTH, wrap: wrapped });
  }

  /** Draws lines `from` to `to` of a row below the present position. */
  function drawRow(row: Row, shade: boolean | 'label', from = 0, to = row.lineCount): void {
    const height = row.heightOf(to - from);
    if (shade !== false) {
      const width = shade === 'label' ? (row.cells[1]?.left ?? AREA.left) - AREA.left : WIDTH;
      draw({ kind: 'box', x: AREA.left, y: y - height, width, height, fill: SHADE });
    }
    for (const cell of row.cells) {
      for (const [index, text] of cell.lines.slice(from, to).entries()) {
        const baseline = y - row.padding - (index + 1) * row.leading + row.size * 0.35;
        draw({ kind: 'text', x: cell.textLeft, y: baseline, size: row.size, text, colour: INK });
      }
    }
    y -= height;
    draw({ kind: 'line', x1: AREA.left, y1: y, x2: AREA.right, y2: y, width: 0.5, colour: RULE });
  }

  function topRule(): void {
    draw({ kind: 'line', x1: AREA.left, y1: y, x2: AREA.right, y2: y, width: 0.5, colour: RULE });
  }

  function rows(all: readonly Row[], head: Row | undefined, shade: false | 'label'): void {
    const begin = (): void => {
      topRule();
      if (head) drawRow(head, true);
    };
    need((head?.heightOf(head.lineCount) ?? 0) + (all[0]?.heightOf(Math.min(all[0].lineCount, LINES_KEPT)) ?? 0));
    begin();
    const pageRoom = AREA.top - AREA.bottom - (head?.heightOf(head.lineCount) ?? 0);
    for (const row of all) {
      let from = 0;
      if (row.heightOf(row.lineCount) > y - AREA.bottom && row.heightOf(row.lineCount) <= pageRoom) {
        turnPage();
        begin();
      }
      while (from < row.lineCount) {
        const fits = row.linesIn(y - AREA.bottom);
        const left = row.lineCount - from;
        if (fits < Math.min(LINES_KEPT, left)) {
          turnPage();
          begin();
          continue;
        }
        const to = fits >= left ? row.lineCount : from + Math.min(fits, Math.max(1, left - LINES_KEPT));
        drawRow(row, shade, from, to);
        from = to;
      }
    }
  }

  return {
    font,
    area: AREA,
    draw,
    position: () => y,
    paragraph,
    space(points) {
      y = Math.max(AREA.bottom, y - points);
    },
    heading(chinese, english) {
      need(HEADING_SIZE * 2.4 + HEADING_KEEPS);
      y -= HEADING_SIZE * 2.2;
      draw({ kind: 'text', x: AREA.left, y, size: HEADING_SIZE, text: font.showable(chinese), colour: INK });
      const x = AREA.left + font.measure(`${chinese} `, HEADING_SIZE);
      draw({ kind: 'text', x, y, size: BODY_SIZE, text: font.showable(english), colour: GREY });
      y -= HEADING_SIZE * 0.6;
    },
    record(entries) {
      const shares = [LABEL_SHARE, 100 - LABEL_SHARE];
      const all = entries.map((entry) => rowOf(entry, shares, TABLE_SIZE));
      rows(all, undefined, 'label');
    },
    table({ columns, rows: cells, size = TABLE_SIZE }) {
      const shares = columns.map(({ share }) => share);
      const titles = columns.map(({ title }) => title);
      rows(
        cells.map((row) => rowOf(row, shares, size)),
        rowOf(titles, shares, size),
        false,
      );
    },
    async finish() {
      for (const [index, page] of pages.entries()) page.push(...footer(font, options.footer, index + 1, pages.length));
      return writePdf({ pages, ...PAGE, title: options.title, at: options.at });
    },
  };
}

function footer(font: PageFont, text: string | undefined, page: number, pageCount: number): Mark[] {
  const number = `${page} / ${pageCount}`;
  const y = MARGIN - 6;
  const right = AREA.right - font.measure(number, FOOTER_SIZE);
  const marks: Mark[] = [{ kind: 'text', x: right, y, size: FOOTER_SIZE, text: number, colour: GREY }];
  if (text !== undefined) {
    marks.push({ kind: 'text', x: AREA.left, y, size: FOOTER_SIZE, text: font.showable(text), colour: GREY });
  }
  return marks;
}
