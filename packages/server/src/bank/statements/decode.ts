import { TextDecoder } from 'node:util';
import type { StatementEncoding } from '../statement-settings.ts';

/** Enough to see names in: GB18030 text of this length is not UTF-8 by chance. */
const SNIFF_BYTES = 64 * 1024;

/**
 * A file's text in pieces. Bytes that are no text in the encoding become U+FFFD, so that the entry they stand in is
 * refused and the others are read.
 */
export async function* decodeStatement(
  content: AsyncIterable<Uint8Array>,
  encoding: StatementEncoding,
): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let head: Uint8Array[] = [];
  let headBytes = 0;
  const begin = (isWhole: boolean): string => {
    const start = Buffer.concat(head);
    head = [];
    decoder = new TextDecoder(encoding === 'auto' ? detectEncoding(start, isWhole) : encoding);
    return decoder.decode(start, { stream: true });
  };
  for await (const piece of content) {
    if (decoder !== undefined) {
      yield decoder.decode(piece, { stream: true });
      continue;
    }
    head.push(piece);
    headBytes += piece.length;
    if (headBytes >= SNIFF_BYTES) yield begin(false);
  }
  if (decoder === undefined) yield begin(true);
  yield decoder?.decode() ?? '';
}

/** What a file's beginning says of its encoding: a byte order mark, an XML declaration, else whether it is UTF-8. */
export function detectEncoding(start: Uint8Array, isWhole: boolean): 'utf-8' | 'gb18030' | 'utf-16le' | 'utf-16be' {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  const declared = /^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']/.exec(
    Buffer.from(start.subarray(0, 300)).toString('latin1'),
  )?.[1];
  if (declared !== undefined) return /^(?:gb18030|gbk|gb2312|gb_2312-80|cp936)$/i.test(declared) ? 'gb18030' : 'utf-8';
  try {
    // A piece may end in the middle of a character; a whole file may not.
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: !isWhole });
    return 'utf-8';
  } catch {
    return 'gb18030';
  }
}
