import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { systemClock } from '../platform/clock.ts';
import { isDomainError } from '../platform/errors.ts';
import {
  createValidation,
  readTrustRoots,
  VALIDATION_LIMITS,
  type ReportedChange,
  type ReportedSignature,
  type ValidationErrorCode,
  type ValidationReport,
  type Words,
} from '../validation/index.ts';
import { CliEnd, type CliContext } from './context.ts';

interface VerifyOptions {
  json?: boolean;
  trust: string[];
  language: keyof Words;
}

/** Whoever asks whether a file is valid is answered by the exit code: these two verdicts say yes. */
const VALID: ReadonlySet<string> = new Set(['valid', 'valid_with_changes']);

const FAILURES: Readonly<Record<ValidationErrorCode, string>> = {
  not_a_pdf: 'this is not a PDF',
  too_large: `the file is larger than ${VALIDATION_LIMITS.bytesMax} bytes`,
  damaged: 'the file is damaged and cannot be read',
  encrypted: 'the file is encrypted and cannot be checked',
  too_complex: 'the file takes too much work to check',
  validation_busy: 'too many files at once',
};

const LABELS = {
  zh: {
    by: '签名人',
    issuer: '签发机构',
    claimed: '自述时间',
    proven: '证明时间',
    level: '级别',
    problems: '说明',
    changes: '之后的改动',
    page: (n: number) => `第 ${n} 页`,
    forbidden: '不允许',
    allowed: '允许',
    more: (n: number) => `另有 ${n} 项`,
    whole: '覆盖整个文件',
    timestamp: '时间戳',
  },
  en: {
    by: 'signer',
    issuer: 'issuer',
    claimed: 'stated time',
    proven: 'proven time',
    level: 'level',
    problems: 'notes',
    changes: 'changes since',
    page: (n: number) => `page ${n}`,
    forbidden: 'not permitted',
    allowed: 'permitted',
    more: (n: number) => `${n} more`,
    whole: 'covers the whole file',
    timestamp: 'timestamp',
  },
};

/** `yinxin verify FILE`: without a service. Exit code 0: valid; 1: not, or it cannot be said; 2: could not be asked so. */
export function addVerifyCommand(program: Command, context: CliContext): void {
  program
    .command('verify <file>')
    .description('check the signatures of a PDF, and what was changed since; exit code 0 only if it is valid')
    .option(
      '--trust <roots...>',
      'root certificates to trust, files or folders (PEM or DER), beside YINXIN_TRUST_ROOTS',
      [],
    )
    .option('--language <language>', 'zh or en', parseLanguage, 'en')
    .option('--json', 'the whole report as JSON')
    .action(async (file: string, options: VerifyOptions) => {
      const report = await reportOn(file, options, context);
      if (options.json === true) context.out(JSON.stringify(report, null, 2));
      else for (const line of linesOf(report, options.language)) context.out(line);
      if (!VALID.has(report.verdict)) throw new CliEnd(1);
    });
}

function parseLanguage(text: string): keyof Words {
  if (text !== 'zh' && text !== 'en') throw new InvalidArgumentError('zh or en');
  return text;
}

async function reportOn(file: string, { trust }: VerifyOptions, context: CliContext): Promise<ValidationReport> {
  const named = context.environment['YINXIN_TRUST_ROOTS'];
  const paths = [...trust, ...(named === undefined || named === '' ? [] : [named])];
  const whole = (path: string): string => resolve(context.cwd, path);
  let pdf: Buffer;
  const roots: Buffer[] = [];
  try {
    if ((await stat(whole(file))).size > VALIDATION_LIMITS.bytesMax) return fail(context, FAILURES.too_large, 1);
    pdf = await readFile(whole(file));
    for (const path of paths) roots.push(...(await readTrustRoots(whole(path))));
  } catch (error) {
    const reason = isDomainError(error)
      ? `${error.params['path'] ?? ''}: ${error.params['reason'] ?? ''}`
      : messageOf(error);
    return fail(context, reason, 2);
  }
  const anchors = roots.map((der) => ({ der, source: 'given' as const }));
  const validation = createValidation({ clock: systemClock, anchors: async () => anchors });
  try {
    return await validation.validate(new Uint8Array(pdf));
  } catch (error) {
    if (!isDomainError(error) || !Object.hasOwn(FAILURES, error.code)) throw error;
    return fail(context, FAILURES[error.code as ValidationErrorCode], 1);
  } finally {
    await validation.close();
  }
}

function fail(context: CliContext, reason: string, exitCode: 1 | 2): never {
  context.err(`yinxin: ${reason}`);
  throw new CliEnd(exitCode);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function linesOf({ words, signatures }: ValidationReport, language: keyof Words): string[] {
  return [words[language], ...signatures.flatMap((signature) => ['', ...signatureLines(signature, language)])].map(
    plain,
  );
}

function signatureLines(signature: ReportedSignature, language: keyof Words): string[] {
  const label = LABELS[language];
  const { signer, claimed, provenTime, trust, level, page, problems, changes, changesLeftOut } = signature;
  const place = page === null ? '' : `, ${label.page(page)}`;
  const kind = signature.kind === 'timestamp' ? `, ${label.timestamp}` : '';
  const cover = signature.coversWholeFile ? `, ${label.whole}` : '';
  const rows: [string, string | null][] = [
    [label.by, signer === null ? null : `${signer.subject} (${signer.serialNumber})`],
    [label.issuer, signer === null ? null : `${signer.issuer}${trust.root === null ? '' : ` ← ${trust.root}`}`],
    [label.claimed, claimed.at],
    [label.proven, provenTime === null ? null : `${provenTime.at} (${provenTime.authority})`],
    [label.level, level],
    [label.problems, problems.length === 0 ? null : problems.map((problem) => problem.words[language]).join('; ')],
  ];
  return [
    `${signature.verdict.startsWith('valid') ? '✓' : '✗'} ${signature.fieldName}: ${signature.words[language]}${kind}${place}${cover}`,
    ...rows.filter(([, text]) => text !== null && text !== '').map(([name, text]) => `  ${name}: ${text}`),
    ...(changes.length === 0 ? [] : [`  ${label.changes}:`]),
    ...changes.map((change) => `    ${changeText(change, language)}`),
    ...(changesLeftOut === 0 ? [] : [`    ${label.more(changesLeftOut)}`]),
  ];
}

function changeText({ allowed, words, page, field, count }: ReportedChange, language: keyof Words): string {
  const label = LABELS[language];
  const where = [page === null ? null : label.page(page), field].filter((part) => part !== null).join(', ');
  const times = count === 1 ? '' : ` ×${count}`;
  return `${allowed ? '·' : '!'} ${words[language]}${times}${where === '' ? '' : ` (${where})`} [${allowed ? label.allowed : label.forbidden}]`;
}

/** Names come from the file: they must not steer the terminal. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u{202A}-\u{202E}\u{2066}-\u{2069}]/gu, '�');
}
