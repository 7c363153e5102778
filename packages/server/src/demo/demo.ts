import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService, type Service } from '../app.ts';
import type { CliContext } from '../cli/context.ts';
import { readConfig } from '../platform/config.ts';
import { createAccount, type Account } from './account.ts';
import { startReceiver } from './receiver.ts';
import { CONTRACT_FILE, type Stage } from './stage.ts';
import { createApplication, relaySample, revokeSecond, signContract, verifyContract } from './steps.ts';
import { createCompany, verifyCompany } from './verification.ts';

export interface DemoOptions {
  /** Settles when the person has seen enough (Ctrl-C), in the middle of a step too. */
  stopped: Promise<void>;
  /** End after the last step; otherwise service and receiver stay up until `stopped`. */
  once: boolean;
  colours: boolean;
  /** Keep the service's data at the end too; the signed contract and the log stay in any case. */
  keep: boolean;
}

/** What became of the demo: every step held, one did not, or the person ended it before the last. */
export type DemoOutcome = 'held' | 'failed' | 'stopped';

/** How many tries of each message the receiver turns away before it acknowledges. */
const FAILURES_FIRST = 2;
/** In the demo's temporary directory: what the service keeps. */
const DATA_FOLDER = 'data';

/**
 * The main job before a person's eyes, through nothing but HTTP: a company, its contract signed without a click, the
 * callbacks of a partner that is down at first, a flow revoked, and a message relayed.
 */
export async function runDemo(context: CliContext, options: DemoOptions): Promise<DemoOutcome> {
  const watched = untilStopped(context, options.stopped);
  const account = createAccount((text) => watched.out(text), options.colours);
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-demo-'));
  // Passable for the database's unprivileged user, should root run this.
  await chmod(directory, 0o711);
  const contract = await readFile(new URL(`../../../../examples/${CONTRACT_FILE}`, import.meta.url));
  const receiver = await startReceiver(FAILURES_FIRST, new Map([['/contract.pdf', contract]]));
  let service: Service | undefined;
  let outcome: DemoOutcome = 'failed';
  try {
    account.say('Yinxin 印信: a contract goes from the gateway to a signed PDF and an acknowledged callback\n');
    const started = await startForDemo(account, context, directory);
    service = started;
    const steps = performSteps(account, { context: watched, service: started, receiver, directory });
    outcome = await Promise.race([steps, options.stopped.then((): DemoOutcome => 'stopped')]);
    if (outcome === 'held')
      account.say(`\nAll of it held. The signed contract stays at ${join(directory, CONTRACT_FILE)}`);
    if (!options.once && outcome !== 'stopped') {
      account.say(`The service stays up at ${started.url}; Ctrl-C ends it.`);
      await options.stopped;
    }
    return outcome;
  } finally {
    await service?.stop();
    await receiver.close();
    if (!options.keep) await removeData(directory, outcome);
  }
}

/** Of a demo that held the contract stays, of one that failed the log; one that was interrupted leaves nothing. */
async function removeData(directory: string, outcome: DemoOutcome): Promise<void> {
  const path = outcome === 'stopped' ? directory : join(directory, DATA_FOLDER);
  await rm(path, { recursive: true, force: true });
}

/** What a step that was interrupted has to say of it interests nobody. */
function untilStopped(context: CliContext, stopped: Promise<unknown>): CliContext {
  let over = false;
  void stopped.then(() => (over = true));
  const unlessOver =
    (write: (text: string) => void) =>
    (text: string): void => {
      if (!over) write(text);
    };
  return { ...context, out: unlessOver(context.out), err: unlessOver(context.err) };
}

async function startForDemo(account: Account, context: CliContext, directory: string): Promise<Service> {
  const environment = {
    YINXIN_DATA_DIR: join(directory, DATA_FOLDER),
    YINXIN_PORT: '0',
    YINXIN_LOG_LEVEL: 'warn',
    // The partner of this demo lives on this machine; elsewhere loopback stays forbidden.
    YINXIN_EGRESS_ALLOW: '127.0.0.0/8',
  };
  const config = readConfig(environment, { cwd: context.cwd, nodeName: 'demo' });
  let service: Service | undefined;
  await account.step('the service starts in an empty directory', async (tell) => {
    service = await startService(config, { logFile: join(directory, 'service.log') });
    const { timings } = service;
    tell(
      `${service.url}, embedded PostgreSQL; ${Object.entries(timings)
        .map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
        .join(', ')}`,
    );
  });
  if (service === undefined) throw new Error('the service did not start');
  return service;
}

async function performSteps(account: Account, stage: Stage): Promise<DemoOutcome> {
  try {
    const app = await createApplication(account, stage);
    const company = await createCompany(account, app);
    await verifyCompany(account, stage, app, company);
    const signed = await signContract(account, stage, app, company);
    await verifyContract(account, stage, signed);
    await revokeSecond(account, stage, app, company);
    await relaySample(account, stage, app);
    return 'held';
  } catch (error) {
    stage.context.err(`\nThe demo stops here: ${error instanceof Error ? error.message : String(error)}`);
    stage.context.err(`The service's log is in ${join(stage.directory, 'service.log')}`);
    return 'failed';
  }
}
