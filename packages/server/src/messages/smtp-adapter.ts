import type { Transporter } from 'nodemailer';
import type { MessageAdapter, MessageOutcome, Recipient } from './message.ts';

const TIMEOUT_MS = 20_000;
/** RFC 5321, 4.2.1: what begins with 5 is final. */
const FINAL_REPLY = 500;

/**
 * Sends each message as an e-mail. A recipient without an address is written to at `mobileAddress`, an e-mail gateway for
 * short messages such as `{mobile}@sms.example.com`; without it, they are not reached.
 */
export function createSmtpAdapter(options: {
  /** `smtp://` or `smtps://user:password@host:port`. */
  url: string;
  from: string;
  mobileAddress: string | null;
}): MessageAdapter {
  const { url, from, mobileAddress } = options;
  let connecting: Promise<Transporter> | undefined;

  function addressOf({ email, mobile }: Recipient): string | undefined {
    if (email !== undefined) return email;
    return mobile === undefined ? undefined : mobileAddress?.replace('{mobile}', mobile);
  }

  async function transporter(): Promise<Transporter> {
    connecting ??= import('nodemailer').then(({ createTransport }) =>
      createTransport({
        url,
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      }),
    );
    return connecting;
  }

  return {
    name: 'smtp',
    reaches: (to) => addressOf(to) !== undefined,
    async send({ messageId, to, subject, text }) {
      const address = addressOf(to);
      if (address === undefined) return { kind: 'refused', reason: 'no e-mail address' };
      const transport = await transporter();
      try {
        const sent = (await transport.sendMail({
          from,
          to: address,
          subject,
          text,
          messageId: `<${messageId}@yinxin>`,
        })) as { response?: string };
        return { kind: 'taken', reference: sent.response?.slice(0, 100) ?? null };
      } catch (error) {
        return faultOf(error);
      }
    },
  };
}

/** The error's own words may repeat the address: the reply's number and nodemailer's code are enough. */
function faultOf(error: unknown): MessageOutcome {
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  const isLogin = code === 'EAUTH';
  if (responseCode !== undefined && responseCode >= FINAL_REPLY && !isLogin) {
    return { kind: 'refused', reason: `the mail server answered ${responseCode}` };
  }
  return { kind: 'unreachable', reason: `the mail server cannot be used (${code ?? 'unknown'})` };
}
