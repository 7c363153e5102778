import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Appearance, PathCommand } from '../documents/index.ts';
import { chinaDate } from '../platform/clock.ts';

const compress = promisify<Buffer, Buffer>(deflate);

/** A4, in points. */
const PAGE_WIDTH = 595.28;
const PAGE_HEIGHT = 841.89;
const MARGIN = 72;
const TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN;
const TITLE_SIZE = 20;
const BODY_SIZE = 11;
const LINE_HEIGHT = 20;

export interface LetterFacts {
  readonly flowId: string;
  readonly companyName: string;
  readonly orgCode: string;
  readonly legalRepName: string;
  readonly agentName: string | null;
  readonly at: Date;
}

/** Draws one line of text. */
export type Writing = (text: string, fontSize: number) => Promise<Appearance>;

interface Placed {
  readonly line: Appearance;
  readonly x: number;
  readonly y: number;
}

/**
 * The letter by which a company authorises its verification through a payment, on one page of A4 with room for its
 * seal. The text is drawn as vector outlines, so that the file needs no font.
 */
export async function letterPdf(facts: LetterFacts, writing: Writing): Promise<Buffer> {
  const placed: Placed[] = [];
  let y = PAGE_HEIGHT - MARGIN - TITLE_SIZE;
  const title = await writing('企业对公打款认证授权书', TITLE_SIZE);
  placed.push({ line: title, x: (PAGE_WIDTH - title.width) / 2, y });
  y -= 3 * LINE_HEIGHT;
  for (const text of paragraphs(facts)) {
    for (const line of text === '' ? [] : await wrap(text, writing)) {
      placed.push({ line, x: MARGIN, y });
      y -= LINE_HEIGHT;
    }
    y -= LINE_HEIGHT / 2;
  }
  return pdfOf(await compress(Buffer.from(placed.map(drawn).join('\n'), 'latin1')));
}

function paragraphs(facts: LetterFacts): string[] {
  return [
    `企业名称：${facts.companyName}`,
    `企业证件号：${facts.orgCode}`,
    `法定代表人：${facts.legalRepName}`,
    `经办人：${facts.agentName ?? '________________'}`,
    `认证流程编号：${facts.flowId}`,
    '',
    '本企业申请通过对公账户打款的方式完成企业实名认证，并授权上述经办人办理本次认证。本企业确认：',
    '一、以上信息真实、准确、完整，与本企业营业执照一致；',
    '二、本次认证所用的付款账户由本企业开立，或由本企业授权的单位代为付款；',
    '三、认证完成后，以本企业名义申请的数字证书和电子印章，由本企业承担相应的法律责任。',
    '',
    '企业（盖公章）：',
    '',
    '',
    '',
    '法定代表人或授权代表（签字）：',
    '',
    '日期：________年____月____日',
    `本授权书生成于${chinaDate(facts.at)}，盖章后请上传扫描件，由审核人员核对。`,
  ];
}

/** Breaks a text into lines that fit between the margins; each is as long as it can be. */
async function wrap(text: string, writing: Writing): Promise<Appearance[]> {
  const lines: Appearance[] = [];
  let rest = Array.from(text);
  while (rest.length > 0) {
    let count = rest.length;
    let line = await writing(rest.join(''), BODY_SIZE);
    while (line.width > TEXT_WIDTH && count > 1) {
      count = Math.max(1, Math.min(count - 1, Math.floor((count * TEXT_WIDTH) / line.width)));
      line = await writing(rest.slice(0, count).join(''), BODY_SIZE);
    }
    lines.push(line);
    rest = rest.slice(count);
  }
  return lines;
}

function drawn({ line, x, y }: Placed): string {
  return line.paths.map((path) => `${operators(path.commands, x, y)}\nf`).join('\n');
}

/** PDF has no quadratic curves: each is the cubic one that runs the same way (ISO 32000-1, 8.5.2). */
function operators(commands: readonly PathCommand[], dx: number, dy: number): string {
  const number = (value: number): string => String(Math.round(value * 100) / 100);
  const point = (x: number, y: number): string => `${number(x + dx)} ${number(y + dy)}`;
  let [atX, atY] = [0, 0];
  const lines: string[] = [];
  for (const command of commands) {
    if (command.op === 'Z') {
      lines.push('h');
      continue;
    }
    const { x, y } = command;
    if (command.op === 'Q') {
      const toward = (from: number, control: number): number => from + (2 / 3) * (control - from);
      const first = point(toward(atX, command.x1), toward(atY, command.y1));
      const second = point(toward(x, command.x1), toward(y, command.y1));
      lines.push(`${first} ${second} ${point(x, y)} c`);
    } else if (command.op === 'C') {
      lines.push(`${point(command.x1, command.y1)} ${point(command.x2, command.y2)} ${point(x, y)} c`);
    } else {
      lines.push(`${point(x, y)} ${command.op === 'M' ? 'm' : 'l'}`);
    }
    [atX, atY] = [x, y];
  }
  return lines.join('\n');
}

/** A file of one page with this deflated content. */
function pdfOf(content: Buffer): Buffer {
  const box = `[0 0 ${PAGE_WIDTH} ${PAGE_HEIGHT}]`;
  const objects = [
    Buffer.from('<< /Type /Catalog /Pages 2 0 R /Lang (zh-CN) >>'),
    Buffer.from('<< /Type /Pages /Kids [3 0 R] /Count 1 >>'),
    Buffer.from(`<< /Type /Page /Parent 2 0 R /MediaBox ${box} /Resources << >> /Contents 4 0 R >>`),
    Buffer.concat([
      Buffer.from(`<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`),
      content,
      Buffer.from('\nendstream'),
    ]),
  ];
  // The second line's bytes above 127 tell programs that the file is binary (ISO 32000-1, 7.5.2).
  const parts = [Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  let offset = parts[0]?.length ?? 0;
  const offsets = objects.map((object, index) => {
    const whole = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    const at = offset;
    parts.push(whole);
    offset += whole.length;
    return at;
  });
  const entries = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries}`;
  parts.push(Buffer.from(`${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${offset}\n%%EOF\n`));
  return Buffer.concat(parts);
}
