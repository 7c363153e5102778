import type { LoadMessage } from './load-terms.ts';

/** A message of the size that is usual here, about 300 bytes of content, as `POST /api/callback` takes it. */
export function relayMessage(to: { appId: string; calleeNo: string; group: string }): LoadMessage {
  const body = JSON.stringify({
    app_id: to.appId,
    callee_no: to.calleeNo,
    caller_no: 'EO001',
    message_type: 'sign_process',
    request_message: BENCH_CONTENT,
  });
  return { body, group: to.group };
}

export const BENCH_CONTENT = {
  flow_id: '4f1c7ad0b9e84f5c9f3b2d6a7e8c9d01',
  business_scene: '新房认购协议',
  status: 2,
  result_description: '签署完成',
  signed_at: 1_789_000_000_000,
  signers: [
    { account: '杭州示范科技有限公司', type: 1, order: 1 },
    { account: '张三', type: 2, order: 2 },
  ],
};
