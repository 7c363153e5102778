import type { Service } from '../app.ts';
import type { CliContext } from '../cli/context.ts';
import type { AdminClient } from '../cli/client.ts';
import type { GatewayClient } from './gateway-client.ts';
import type { Receiver } from './receiver.ts';

/** What every step of the demo works with. */
export interface Stage {
  context: CliContext;
  service: Service;
  receiver: Receiver;
  /** The temporary directory: the service's data, its log, the signed contract. */
  directory: string;
}

export const CONTRACT_FILE = '房屋买卖合同.pdf';

export interface DemoApplication {
  appId: string;
  appSecret: string;
  relayPublicKey: string;
  gateway: GatewayClient;
  admin: AdminClient;
}

export interface DemoCompany {
  etcOrgNo: string;
  etcMemberNo: string;
}
