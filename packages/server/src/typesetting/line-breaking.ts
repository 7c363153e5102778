/** What no line begins with, and what no line ends with (GB/T 15834-2011, 5.1; the usual 避头尾). */
const NOT_FIRST = new Set('，。、；：！？）》〉」』】〕”’…—％％·,.;:!?)]}%');
const NOT_LAST = new Set('（《〈「『【〔“‘([{￥');

/** A run that stays on one line where it can: a word of letters and digits, or one ideograph with its punctuation. */
type Unit = { text: string; isSpace: boolean };

/**
 * Breaks a text into lines of at most `width`, as `measure` says. Ideographs may part anywhere but before closing and
 * behind opening punctuation; words part at spaces, and inside only where one is longer than a line (a hash, say).
 * Spaces at a break are dropped. `\n` is a break.
 */
export function breakLines(text: string, width: number, measure: (text: string) => number): string[] {
  return text.split('\n').flatMap((paragraph) => breakParagraph(paragraph, width, measure));
}

function breakParagraph(text: string, width: number, measure: (text: string) => number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const unit of unitsOf(text)) {
    if (line === '' && unit.isSpace) continue;
    if (measure(line + unit.text) <= width) {
      line += unit.text;
      continue;
    }
    if (line !== '') lines.push(line.trimEnd());
    line = '';
    if (unit.isSpace) continue;
    const pieces = cut(unit.text, width, measure);
    line = pieces.pop() ?? '';
    lines.push(...pieces);
  }
  if (line !== '' || lines.length === 0) lines.push(line.trimEnd());
  return lines;
}

/** A unit that is longer than a line, in pieces that are not; at least one character each. */
function cut(text: string, width: number, measure: (text: string) => number): string[] {
  if (measure(text) <= width) return [text];
  const pieces: string[] = [];
  let piece = '';
  for (const character of text) {
    if (piece !== '' && measure(piece + character) > width) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}

function unitsOf(text: string): Unit[] {
  const units: Unit[] = [];
  // Words of ASCII stay together, with a hyphen or a slash as their last character: a place to part.
  for (const [piece] of text.matchAll(/ +|[\x21-\x2c\x2e\x30-\x7e]+[-/]*|[-/]+|[^\x20-\x7e]/gu)) {
    const previous = units.at(-1);
    const first = Array.from(piece)[0] ?? '';
    const last = Array.from(previous?.text ?? '').at(-1) ?? '';
    const clings = previous !== undefined && !previous.isSpace && piece.trim() !== '';
    if (clings && (NOT_FIRST.has(first) || NOT_LAST.has(last))) previous.text += piece;
    else units.push({ text: piece, isSpace: piece.trim() === '' });
  }
  return units;
}
