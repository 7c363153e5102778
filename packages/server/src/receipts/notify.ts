import type { AppNotify, Notify } from '../notify/index.ts';
import { findReceipt } from './store.ts';

/**
 * Notifications of flows, where those of a receipt are told as receipts are: the same place in the same transaction,
 * another message.
 *
 * @param fileUrl opens the newest revision for a while
 */
export function withReceipts(notify: Notify, fileUrl: (key: { appId: string; fileId: string }) => string): Notify {
  return {
    async forApp(appId, outer): Promise<AppNotify> {
      const plain = await notify.forApp(appId, outer);
      return {
        ...plain,
        async flowEnded(tx, event) {
          const receipt = await findReceipt(tx, { appId, flowId: event.flowId });
          if (receipt === undefined) return plain.flowEnded(tx, event);
          const { notify_url: notifyUrl, flow_id: flowId } = receipt;
          const url = fileUrl({ appId, fileId: event.fileId });
          return plain.receiptEnded(tx, {
            notifyUrl,
            flowId,
            outcome: event.outcome,
            fileUrl: url,
            endedAt: event.endedAt,
          });
        },
      };
    },
  };
}
