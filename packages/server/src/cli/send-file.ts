import { createReadStream } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Posts a file as the body. Not by `fetch`, which gives up where an answer has not begun within five minutes: over a slow
 * line the file itself takes longer. An answer that comes before the whole of the file was sent is the answer.
 */
export async function sendFile(url: string, headers: Record<string, string>, file: string): Promise<Response> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const sending = request(url, { method: 'POST', headers });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sending.once('response', resolve);
    // An error after the answer has begun is told by the answer's own end.
    sending.on('error', reject);
    pipeline(createReadStream(file), sending).catch(reject);
  });
  return new Response(Readable.toWeb(answer) as NonNullable<ConstructorParameters<typeof Response>[0]>, {
    status: answer.statusCode ?? 500,
  });
}
