import { createComposer, type Composer } from '../typesetting/index.ts';
import type { ReceiptFacts } from './terms.ts';

/** Half of A4, lying. Points. */
const PAGE = { width: 595.28, height: 419.53 };
const LEFT = 44;
const RIGHT = PAGE.width - 44;
const TOP = 324;
const ROW = 34;
const LABEL = 78;
const MIDDLE = (LEFT + RIGHT) / 2;
const INK = '#1A1A1A';
const GREY = '#6B6B6B';
const RULE = '#8A8A8A';
const SHADE = '#F4F4F4';
const LABEL_SIZE = 9;
const TEXT_SIZE = 10;
const TEXT_SIZE_MIN = 5;
/** Where the seal begins, with some white before it. */
const SEAL_LEFT = RIGHT - 92 - 64;

/** Where the company's seal stands: its centre, in points of the page. */
export const SEAL_PLACE = { page: 1, x: RIGHT - 92, y: 84 };

type Cell = { label: string; text: string };
/** One cell is as wide as the table, two share it. */
type Row = readonly [Cell] | readonly [Cell, Cell];

/** A receipt by template T001, one page. */
export async function receiptPdf(facts: ReceiptFacts, companyName: string, at: Date): Promise<Buffer> {
  const composer = await createComposer({ title: `收据 ${facts.number}`, at, page: PAGE });
  const { font } = composer;
  const text = (x: number, y: number, size: number, words: string, colour = INK): void =>
    composer.draw({ kind: 'text', x, y, size, text: font.showable(words), colour });
  const centred = (y: number, size: number, words: string, colour = INK): void =>
    text((PAGE.width - font.measure(words, size)) / 2, y, size, words, colour);

  centred(374, 24, '收  据');
  centred(360, 8, 'RECEIPT', GREY);
  composer.draw({ kind: 'line', x1: MIDDLE - 62, y1: 354, x2: MIDDLE + 62, y2: 354, width: 1, colour: INK });
  const day = `开具日期：${facts.issueYear}年${facts.issueMonth}月${facts.issueDay}日`;
  text(LEFT, 336, TEXT_SIZE, day);
  const number = `编号：${facts.number}`;
  const numberSize = Math.min(TEXT_SIZE, (TEXT_SIZE * (RIGHT - MIDDLE)) / font.measure(number, TEXT_SIZE));
  text(RIGHT - font.measure(number, numberSize), 336, numberSize, number);

  drawTable(composer, rowsOf(facts));
  const issuer = '收款单位（盖章）：';
  text(LEFT, 100, TEXT_SIZE, issuer);
  const issuerRight = LEFT + font.measure(issuer, TEXT_SIZE);
  drawInBox(composer, companyName, { x: issuerRight, middle: 103.6, width: SEAL_LEFT - issuerRight, height: ROW });
  text(LEFT, 78, 7, '本收据以电子签名为准，可在任何PDF阅读器中验证。', GREY);
  return composer.finish();
}

function rowsOf(facts: ReceiptFacts): Row[] {
  const figures = facts.amountInFigures.replace(/^[￥¥]\s?/, '').replace(/元$/, '');
  return [
    [
      { label: '交款人', text: facts.payer },
      { label: '到账日期', text: facts.arrivalDate },
    ],
    [
      { label: '收款方式', text: facts.method },
      { label: '商户类型', text: facts.merchantType },
    ],
    [
      { label: '金额（大写）', text: facts.amountInWords },
      { label: '金额（小写）', text: `￥${figures}` },
    ],
    [{ label: '合同名称', text: facts.contractName }],
    [
      { label: '合同编号', text: facts.contractNumber },
      { label: '签约日期', text: facts.signDate },
    ],
  ];
}

function drawTable(composer: Composer, rows: readonly Row[]): void {
  const bottom = TOP - rows.length * ROW;
  const line = (x1: number, y1: number, x2: number, y2: number): void =>
    composer.draw({ kind: 'line', x1, y1, x2, y2, width: 0.6, colour: RULE });
  for (const [index, row] of rows.entries()) {
    const y = TOP - (index + 1) * ROW;
    const width = row.length === 1 ? RIGHT - LEFT : MIDDLE - LEFT;
    for (const [column, cell] of row.entries()) {
      const x = column === 0 ? LEFT : MIDDLE;
      composer.draw({ kind: 'box', x, y, width: LABEL, height: ROW, fill: SHADE });
      drawCell(composer, cell, x, y, width);
      for (const edge of [x, x + LABEL]) line(edge, y, edge, y + ROW);
    }
  }
  line(RIGHT, TOP, RIGHT, bottom);
  for (let index = 0; index <= rows.length; index += 1) line(LEFT, TOP - index * ROW, RIGHT, TOP - index * ROW);
}

function drawCell(composer: Composer, cell: Cell, x: number, y: number, width: number): void {
  const { label, text } = cell;
  composer.draw({ kind: 'text', x: x + 8, y: y + ROW / 2 - 3, size: LABEL_SIZE, text: label, colour: GREY });
  const middle = y + ROW / 2;
  drawInBox(composer, text, { x: x + LABEL + 7, middle, width: width - LABEL - 12, height: ROW });
}

/** A text on as many lines as its room holds, set smaller where it is longer. */
function drawInBox(
  composer: Composer,
  text: string,
  room: { x: number; middle: number; width: number; height: number },
): void {
  for (let size = TEXT_SIZE; ; size -= 0.5) {
    const lines = composer.wrap(text, room.width, size);
    const leading = size * 1.25;
    if (lines.length * leading > room.height - 4 && size > TEXT_SIZE_MIN) continue;
    const first = room.middle + ((lines.length - 1) * leading) / 2 - size * 0.36;
    for (const [index, line] of lines.entries()) {
      composer.draw({ kind: 'text', x: room.x, y: first - index * leading, size, text: line, colour: INK });
    }
    return;
  }
}
