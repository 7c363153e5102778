import { breakLines } from './line-breaking.ts';
import type { Mark, PageMarks } from './marks.ts';
import { openPageFont, type PageFont } from './page-font.ts';
import { writePdf, type Attachment } from './pdf-file.ts';
import { layoutRow, type Row } from './table-row.ts';

export interface ComposerOptions {
  title: string;
  /** The file's date of creation. */
  at: Date;
  /** Stands at the foot of each page, left of its number. */
  footer?: string;
  /** A4 upright unless another size is named, in points. */
  page?: { width: number; height: number };
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
 * Writes a document from its top to its end, page after page. Texts may hold any character: what the font has not
 * is shown as its code point.
 */
export interface Composer {
  readonly font: PageFont;
  /** The edges of what is written, points from the page's lower left. */
  readonly area: Readonly<{ left: number; right: number; top: number; bottom: number }>;
  /** A heading that stays with what follows: Chinese, and English in grey beside it. */
  heading(chinese: string, english: string): void;
  paragraph(text: string, style?: TextStyle): void;
  space(points: number): void;
  /** Labels and what they say, in two columns, together on one page where they fit on one. */
  record(entries: readonly (readonly [label: string, text: string])[]): void;
  /** Its head is repeated on each page; a row is parted only where it is longer than a page. */
  table(table: Table): void;
  /** A text as lines that are no wider than this. */
  wrap(text: string, width: number, size: number): string[];
  /** Draws at a place of its own on the present page. */
  draw(mark: Mark): void;
  /** Puts a file inside of the file, for programs. */
  attach(attachment: Attachment): void;
  /** Points from the page's lower edge: where the next line begins. */
  position(): number;
  finish(): Promise<Buffer>;
}

/** Points. */
const A4 = { width: 595.28, height: 841.89 };
const MARGIN = 50;
const LINE_HEIGHT = 1.5;
const BODY_SIZE = 9;
const TABLE_SIZE = 8;
const HEADING_SIZE = 12;
/** With the room above and below it. */
const HEADING_HEIGHT = HEADING_SIZE * 2.8;
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
  const page = options.page ?? A4;
  const area = { left: MARGIN, right: page.width - MARGIN, top: page.height - MARGIN, bottom: MARGIN + 14 };
  const width = area.right - area.left;
  const pages: PageMarks[] = [[]];
  const attachments: Attachment[] = [];
  let y = area.top;

  const draw = (mark: Mark): void => {
    pages.at(-1)?.push(mark);
  };
  const turnPage = (): void => {
    pages.push([]);
    y = area.top;
  };
  let pending: { chinese: string; english: string } | undefined;
  /** Makes room for so much; a heading that waits comes along, to this page or to the next. */
  const need = (points: number): void => {
    const heading = pending;
    pending = undefined;
    const whole = points + (heading ? HEADING_HEIGHT : 0);
    if (y - whole < area.bottom && y < area.top) turnPage();
    if (heading) drawHeading(heading);
  };
  function drawHeading({ chinese, english }: { chinese: string; english: string }): void {
    y -= HEADING_SIZE * 2.2;
    draw({ kind: 'text', x: area.left, y, size: HEADING_SIZE, text: chinese, colour: INK });
    const x = area.left + font.measure(`${chinese} `, HEADING_SIZE);
    draw({ kind: 'text', x, y, size: BODY_SIZE, text: english, colour: GREY });
    y -= HEADING_SIZE * 0.6;
  }
  const wrapped = (text: string, width: number, size: number): string[] => {
    const showable = text.split('\n').map((line) => font.showable(line));
    return breakLines(showable.join('\n'), width, (line) => font.measure(line, size));
  };

  function paragraph(text: string, { size = BODY_SIZE, colour = INK, align = 'left' }: TextStyle = {}): void {
    for (const line of wrapped(text, width, size)) {
      need(size * LINE_HEIGHT);
      y -= size * LINE_HEIGHT;
      const x = align === 'left' ? area.left : area.left + (width - font.measure(line, size)) / 2;
      draw({ kind: 'text', x, y: y + size * 0.35, size, text: line, colour });
    }
  }

  function rowOf(cells: readonly string[], shares: readonly number[], size: number): Row {
    return layoutRow({ cells, shares, size, left: area.left, width, wrap: wrapped });
  }

  /** Draws lines `from` to `to` of a row below the present position. */
  function drawRow(row: Row, shade: boolean | 'label', from = 0, to = row.lineCount): void {
    const height = row.heightOf(to - from);
    if (shade !== false) {
      const shadeWidth = shade === 'label' ? (row.cells[1]?.left ?? area.left) - area.left : width;
      draw({ kind: 'box', x: area.left, y: y - height, width: shadeWidth, height, fill: SHADE });
    }
    for (const cell of row.cells) {
      for (const [index, text] of cell.lines.slice(from, to).entries()) {
        const baseline = y - row.padding - (index + 1) * row.leading + row.size * 0.35;
        draw({ kind: 'text', x: cell.textLeft, y: baseline, size: row.size, text, colour: INK });
      }
    }
    y -= height;
    draw({ kind: 'line', x1: area.left, y1: y, x2: area.right, y2: y, width: 0.5, colour: RULE });
  }

  function topRule(): void {
    draw({ kind: 'line', x1: area.left, y1: y, x2: area.right, y2: y, width: 0.5, colour: RULE });
  }

  function rows(all: readonly Row[], head: Row | undefined, shade: false | 'label'): void {
    const begin = (): void => {
      topRule();
      if (head) drawRow(head, true);
    };
    need((head?.heightOf(head.lineCount) ?? 0) + (all[0]?.heightOf(Math.min(all[0].lineCount, LINES_KEPT)) ?? 0));
    begin();
    const pageRoom = area.top - area.bottom - (head?.heightOf(head.lineCount) ?? 0);
    for (const row of all) {
      let from = 0;
      if (row.heightOf(row.lineCount) > y - area.bottom && row.heightOf(row.lineCount) <= pageRoom) {
        turnPage();
        begin();
      }
      while (from < row.lineCount) {
        const fits = row.linesIn(y - area.bottom);
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
    area,
    draw,
    attach: (attachment) => void attachments.push(attachment),
    wrap: wrapped,
    position: () => y,
    paragraph,
    space(points) {
      y = Math.max(area.bottom, y - points);
    },
    heading(chinese, english) {
      pending = { chinese: font.showable(chinese), english: font.showable(english) };
    },
    record(entries) {
      const shares = [LABEL_SHARE, 100 - LABEL_SHARE];
      const all = entries.map((entry) => rowOf(entry, shares, TABLE_SIZE));
      const height = all.reduce((sum, row) => sum + row.heightOf(row.lineCount), 0);
      if (height <= area.top - area.bottom) need(height);
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
      if (pages.length > 1 || options.footer !== undefined) {
        for (const [index, marks] of pages.entries())
          marks.push(...footer(font, area, options.footer, `${index + 1} / ${pages.length}`));
      }
      return writePdf({ pages, ...page, title: options.title, at: options.at, attachments });
    },
  };
}

function footer(font: PageFont, area: Composer['area'], text: string | undefined, number: string): Mark[] {
  const y = MARGIN - 6;
  const right = area.right - font.measure(number, FOOTER_SIZE);
  const marks: Mark[] = [{ kind: 'text', x: right, y, size: FOOTER_SIZE, text: number, colour: GREY }];
  if (text !== undefined) {
    marks.push({ kind: 'text', x: area.left, y, size: FOOTER_SIZE, text: font.showable(text), colour: GREY });
  }
  return marks;
}
