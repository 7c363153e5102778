import type {
  VerificationAnswer,
  VerificationError,
  VerificationRefusal,
} from '../../../server/src/dialects/validation/contract.ts';

export type CheckError = VerificationError | 'offline';

export type CheckOutcome =
  | { kind: 'answered'; answer: VerificationAnswer }
  | { kind: 'refused'; code: CheckError }
  | { kind: 'cancelled' };

export const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Beside the page, whatever stands before its name. */
const VERIFY_PATH = 'api/verify';
/** The service ends what takes longer. */
const ANSWER_WAIT_MS = 60_000;

const KNOWN: ReadonlySet<string> = new Set<VerificationError>([
  'not_a_pdf',
  'too_large',
  'damaged',
  'encrypted',
  'too_complex',
  'validation_busy',
  'too_many_requests',
  'internal',
]);

/**
 * Sends a file and brings its report. XMLHttpRequest, since `fetch` tells nobody how much was sent.
 *
 * @param onSent the part that was sent, 0 to 1
 */
export async function checkFile(
  file: File,
  onSent: (part: number) => void,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  if (file.size > FILE_BYTES_MAX) return { kind: 'refused', code: 'too_large' };
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let timer: number | undefined;
    const end = (outcome: CheckOutcome): void => {
      window.clearTimeout(timer);
      resolve(outcome);
    };
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.upload.addEventListener('progress', ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0));
    request.upload.addEventListener('load', () => {
      onSent(1);
      timer = window.setTimeout(() => request.abort(), ANSWER_WAIT_MS);
    });
    request.addEventListener('load', () => end(outcomeOf(request)));
    request.addEventListener('error', () => end({ kind: 'refused', code: 'offline' }));
    request.addEventListener('abort', () =>
      end(signal.aborted ? { kind: 'cancelled' } : { kind: 'refused', code: 'offline' }),
    );
    request.open('POST', VERIFY_PATH);
    request.setRequestHeader('content-type', 'application/pdf');
    request.send(file);
  });
}

function outcomeOf({ status, responseText }: XMLHttpRequest): CheckOutcome {
  try {
    if (status === 200) return { kind: 'answered', answer: JSON.parse(responseText) as VerificationAnswer };
    const { error } = JSON.parse(responseText) as Partial<VerificationRefusal>;
    return { kind: 'refused', code: error !== undefined && KNOWN.has(error) ? error : 'internal' };
  } catch {
    // Something between us and the service answered.
    return { kind: 'refused', code: status === 413 ? 'too_large' : 'internal' };
  }
}

/** `1.5 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024 * 1024) return `${Math.max(1, Math.round(bytes / 1024))} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
