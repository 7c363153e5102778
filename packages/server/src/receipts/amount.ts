/** An amount of money as a receipt says it twice: in figures and in Chinese capital words. Money is an integer of fen. */

const DIGITS = '零壹贰叁肆伍陆柒捌玖';
const PLACES = ['', '拾', '佰', '仟'];
/** Below ten thousand billion yuan: every amount of fen is an exact number. */
const INTEGER_DIGITS_MAX = 13;

/**
 * The fen of an amount in figures, such as `123`, `1,234.50` or `￥123.00`; undefined for what is none.
 *
 * @example fenOfFigures('￥1,409.5') // 140950
 */
export function fenOfFigures(text: string): number | undefined {
  const match = /^[￥¥]?\s?(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?(?:元)?$/.exec(text.trim());
  const integer = match?.[1]?.replaceAll(',', '').replace(/^0+(?=\d)/, '');
  if (integer === undefined || integer.length > INTEGER_DIGITS_MAX) return undefined;
  return Number(integer) * 100 + Number((match?.[2] ?? '').padEnd(2, '0'));
}

/**
 * The words of an amount, as the rules for filling in instruments want them (支付结算办法, 附一): 整 behind 元 and 角, 零
 * for noughts between figures.
 *
 * @example wordsOfFen(12300) // '壹佰贰拾叁元整'
 * @example wordsOfFen(1640902) // '壹万陆仟肆佰零玖元零贰分'
 */
export function wordsOfFen(fen: number): string {
  const yuan = Math.floor(fen / 100);
  const jiao = Math.floor(fen / 10) % 10;
  const cents = fen % 10;
  if (fen === 0) return '零元整';
  const words = yuan === 0 ? '' : `${integerWords(yuan)}元`;
  if (jiao === 0 && cents === 0) return `${words}整`;
  if (cents === 0) return `${words}${needsNought(yuan) ? '零' : ''}${digit(jiao)}角整`;
  if (jiao === 0) return `${words}${yuan === 0 ? '' : '零'}${digit(cents)}分`;
  return `${words}${needsNought(yuan) ? '零' : ''}${digit(jiao)}角${digit(cents)}分`;
}

/** 零 stands before 角 where the yuan end in a nought: 壹仟陆佰捌拾元零叁角贰分. */
function needsNought(yuan: number): boolean {
  return yuan !== 0 && yuan % 10 === 0;
}

function digit(value: number): string {
  return DIGITS[value] ?? '';
}

function integerWords(value: number): string {
  if (value >= 1e8) {
    const rest = value % 1e8;
    const gap = rest !== 0 && rest < 1e7 ? '零' : '';
    return `${integerWords(Math.floor(value / 1e8))}亿${gap}${rest === 0 ? '' : integerWords(rest)}`;
  }
  if (value >= 1e4) {
    const rest = value % 1e4;
    const gap = rest !== 0 && rest < 1e3 ? '零' : '';
    return `${integerWords(Math.floor(value / 1e4))}万${gap}${rest === 0 ? '' : integerWords(rest)}`;
  }
  const figures = String(value);
  let words = '';
  for (const [index, figure] of Array.from(figures).entries()) {
    const place = PLACES[figures.length - 1 - index] ?? '';
    if (figure !== '0') words += `${digit(Number(figure))}${place}`;
    else if (!words.endsWith('零')) words += '零';
  }
  return words.replace(/零$/, '');
}

/**
 * The fen that words say, in each of the ways in which people write them: with or without 人民币, with 元 or 圆, 整 or
 * 正, 零 where it may be left out. Undefined for what says no amount.
 *
 * @example fenOfWords('人民币壹佰贰拾叁圆整') // 12300
 */
export function fenOfWords(text: string): number | undefined {
  const plain = text
    .replaceAll(/\s/g, '')
    .replace(/^人民币/, '')
    .replaceAll(/[圆圓]/g, '元')
    .replaceAll('正', '整');
  const match = /^(?:([零壹贰叁肆伍陆柒捌玖拾佰仟万亿]+)元)?(.*)$/.exec(plain);
  const fraction = /^(?:零?([零壹贰叁肆伍陆柒捌玖])角)?(?:零?([零壹贰叁肆伍陆柒捌玖])分)?(整?)$/.exec(match?.[2] ?? '');
  if (!match || !fraction) return undefined;
  const [, integer] = match;
  const [, jiao, cents, whole] = fraction;
  if (integer === undefined && jiao === undefined && cents === undefined) return undefined;
  // 整 says that nothing follows: it stands behind 元 or 角 (and must stand behind 元), never behind 分.
  if ((whole === '整') === (cents !== undefined) && !(whole === '' && jiao !== undefined)) return undefined;
  const yuan = integer === undefined ? 0 : valueOfInteger(integer);
  return yuan === undefined ? undefined : yuan * 100 + valueOf(jiao) * 10 + valueOf(cents);
}

function valueOf(character: string | undefined): number {
  return character === undefined ? 0 : DIGITS.indexOf(character);
}

const BELOW_TEN_THOUSAND =
  /^零?(?:([壹贰叁肆伍陆柒捌玖])仟)?零?(?:([壹贰叁肆伍陆柒捌玖])佰)?零?(?:([壹贰叁肆伍陆柒捌玖])拾)?零?([壹贰叁肆伍陆柒捌玖])?$/;

function valueOfInteger(words: string): number | undefined {
  if (words === '零') return 0;
  const [, aboveYi, below = ''] = /^(?:(.+)亿)?([^亿]*)$/.exec(words) ?? [];
  const high = aboveYi === undefined ? 0 : valueBelowYi(aboveYi);
  const low = below === '' && aboveYi !== undefined ? 0 : valueBelowYi(below);
  if (high === undefined || low === undefined || (aboveYi !== undefined && high === 0)) return undefined;
  return high * 1e8 + low;
}

/** A number below one hundred million: what stands before 亿, or behind it. */
function valueBelowYi(words: string): number | undefined {
  const [, aboveWan, below = ''] = /^(?:零?([^万]+)万)?([^万]*)$/.exec(words) ?? [];
  const high = aboveWan === undefined ? 0 : valueBelowWan(aboveWan);
  const low = below === '' && aboveWan !== undefined ? 0 : valueBelowWan(below);
  if (high === undefined || low === undefined) return undefined;
  return high * 1e4 + low;
}

function valueBelowWan(words: string): number | undefined {
  const match = BELOW_TEN_THOUSAND.exec(words);
  const figures = match?.slice(1);
  if (!figures || figures.every((figure) => figure === undefined)) return undefined;
  const [thousands, hundreds, tens, ones] = figures.map(valueOf);
  return (thousands ?? 0) * 1000 + (hundreds ?? 0) * 100 + (tens ?? 0) * 10 + (ones ?? 0);
}
