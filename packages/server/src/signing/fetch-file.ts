import { EgressError, type Egress, type EgressAnswer, type EgressErrorCode } from '../platform/egress/index.ts';
import type { SigningLimits } from './context.ts';

/** What came of fetching a file. `reason` is for the caller to read, in Chinese; `passing` faults are worth another try. */
export type Fetched = { kind: 'fetched'; bytes: Buffer } | { kind: 'failed'; reason: string; passing: boolean };

type Fault = { reason: string; passing: boolean };

/** Why the file could not be had, and whether that may pass. */
const FAULTS: Readonly<Record<EgressErrorCode, Fault>> = {
  request_invalid: { reason: '文件地址不正确', passing: false },
  url_invalid: { reason: '文件地址不正确', passing: false },
  address_forbidden: { reason: '文件地址不允许访问', passing: false },
  dns_failed: { reason: '文件地址的域名无法解析', passing: true },
  connect_failed: { reason: '无法连接文件服务器', passing: true },
  connect_timeout: { reason: '连接文件服务器超时', passing: true },
  tls_failed: { reason: '文件服务器的HTTPS证书无效', passing: false },
  connection_lost: { reason: '下载文件时连接中断', passing: true },
  response_timeout: { reason: '下载文件超时', passing: true },
  response_too_large: { reason: '文件过大', passing: false },
  response_invalid: { reason: '文件服务器的应答不正确', passing: false },
  aborted: { reason: '下载文件被中断', passing: true },
};

/** 408 and 429 ask for another try by their meaning; of the rest, faults of the server may pass. */
function mayPass(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** GETs the file: status 200 and at most `fileBytesMax` bytes, within `fetchTimeoutMs`. */
export async function fetchFile(egress: Egress, url: string, limits: SigningLimits): Promise<Fetched> {
  let answer: EgressAnswer;
  try {
    answer = await egress.request({
      method: 'GET',
      url,
      totalTimeoutMs: limits.fetchTimeoutMs,
      responseBytesMax: limits.fileBytesMax,
      onOverflow: 'fail',
    });
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    if (error.code !== 'response_too_large') return { kind: 'failed', ...FAULTS[error.code] };
    const megabytes = limits.fileBytesMax / 1024 / 1024;
    return { kind: 'failed', reason: `文件超过${megabytes}MB`, passing: false };
  }
  if (answer.status === 200) return { kind: 'fetched', bytes: answer.body };
  return { kind: 'failed', reason: `下载文件失败，HTTP状态${answer.status}`, passing: mayPass(answer.status) };
}
