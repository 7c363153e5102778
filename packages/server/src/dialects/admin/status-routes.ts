import type { AdminServer } from './routes.ts';

/** One thing `yinxin doctor` looked at. */
export interface Finding {
  name: string;
  ok: boolean;
  detail: string;
}

export interface StatusDependencies {
  /** What the running service finds of itself: database, migrations, disk, keys, deliveries. */
  examine(): Promise<{ findings: Finding[]; timings: Record<string, number> }>;
}

/** `/status`: the running service's own findings, for `yinxin doctor`. */
export function registerStatusRoutes(admin: AdminServer, dependencies: StatusDependencies): void {
  admin.get('/status', async () => dependencies.examine());
}
