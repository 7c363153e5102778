import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import type { CompanyField, CreateFlow, Individual, SigningLimits } from '../../src/signing/index.ts';
import { contractPdf } from './contract-pdf.ts';
import { startHttpStub, type HttpStub } from './http-stub.ts';
import { createManualJobs, type ManualJobs } from './manual-jobs.ts';
import { standingClock, startSigningService, type SigningService, type StandingClock } from './signing-service.ts';

export const run = promisify(execFile);

/** The create_time of seed 000's sample, in another year. */
export const START = new Date('2026-03-22T10:24:28Z');
export const HOUR_MS = 3_600_000;

type Notification = {
  api_callback_code: string;
  status: string;
  message: string;
  timestamp: number;
  data: Record<string, unknown>;
};

export type CommandChange = Partial<CreateFlow> & { fields?: readonly CompanyField[] };

export function silentField(changed: Partial<CompanyField> = {}): CompanyField {
  return {
    autoExecute: true,
    placement: { kind: 'page', positions: [{ page: 1, x: 300, y: 200 }] },
    width: null,
    date: null,
    ...changed,
  };
}

export function individual(changed: Partial<Individual> = {}): Individual {
  return {
    signOrder: 2,
    name: '李四',
    idNumber: '11010519491231002X',
    mobile: '13800138000',
    fields: [{ placement: { kind: 'free' }, width: null, date: null, forms: [] }],
    ...changed,
  };
}

export interface SigningFixture {
  readonly clock: StandingClock;
  readonly jobs: ManualJobs;
  readonly service: SigningService;
  readonly outside: HttpStub;
  /** A temporary folder of this fixture. */
  readonly directory: string;
  readonly company: { etcOrgNo: string; etcMemberNo: string };
  /** The three-page contract that `command` names. */
  readonly contract: Buffer;
  /** A flow that the company signs silently at one place of a three-page contract, unless changed. */
  command(changed?: CommandChange): CreateFlow;
  /** The notifications in the outbox whose text holds `part`, the oldest first. */
  notifications(part: string): Promise<Notification[]>;
  /** Creates a flow and runs the jobs; answers its id. */
  openedFlow(changed?: CommandChange): Promise<string>;
  /** A flow that waits for an individual after the company, so that it stays in signing. */
  waitingFlow(changed?: CommandChange): Promise<string>;
  state(flowId: string): Promise<string>;
  newestFile(flowId: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** A service with one verified company, a contract to fetch, and the commands that tests repeat. */
export async function startSigningFixture(
  limits: Partial<SigningLimits> = {},
  options: Pick<Parameters<typeof startSigningService>[0], 'longTerm' | 'keyAlgorithm'> = {},
): Promise<SigningFixture> {
  const clock = standingClock(START);
  const jobs = createManualJobs();
  const outside = await startHttpStub();
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-signing-'));
  const service = await startSigningService({ clock, jobs: () => jobs, limits, ...options });
  const company = await service.company();
  const contract = await contractPdf(3);
  const contractUrl = outside.answer('/contract.pdf', contract);
  const { signing, appId } = service;

  function command({ fields = [silentField()], ...rest }: CommandChange = {}): CreateFlow {
    return {
      appId,
      bizRequestNo: null,
      fileUrl: contractUrl,
      fileName: '房屋买卖合同.pdf',
      notifyUrl: `${outside.url}/notify`,
      signValidity: null,
      finishNotifyFlag: true,
      signers: [],
      initiator: { etcMemberNo: company.etcMemberNo, signOrder: 1, fields },
      ...rest,
    };
  }

  async function notifications(part: string): Promise<Notification[]> {
    const { rows } = await sql<{ content: string }>`
      select content from delivery where app_id = ${appId} and position(${part} in content) > 0
      order by accepted_at, request_id
    `.execute(service.database.db);
    return rows.map(({ content }) => JSON.parse(content) as Notification);
  }

  async function openedFlow(changed: CommandChange = {}): Promise<string> {
    const { flowRequestId } = await signing.createFlow(command(changed));
    const errors = await jobs.run(clock.now());
    if (errors.length > 0) throw errors[0];
    const [first] = await notifications(flowRequestId);
    if (first?.data['success_flag'] !== true) throw new Error(`no flow: ${JSON.stringify(first)}`);
    return String(first.data['flow_id']);
  }

  return {
    clock,
    jobs,
    service,
    outside,
    directory,
    company,
    contract,
    command,
    notifications,
    openedFlow,
    waitingFlow: (changed = {}) => openedFlow({ signers: [individual()], ...changed }),
    state: async (flowId) => (await signing.flow(appId, flowId)).state,
    async newestFile(flowId) {
      const [document] = await signing.documents(appId, flowId);
      return (await service.documents.readFile({ appId, fileId: document!.fileId })).bytes;
    },
    async close() {
      await service.close();
      await outside.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What pdfsig says of a file: how many signatures it lists and how many of them are valid. */
export async function pdfsig(directory: string, pdf: Buffer): Promise<{ listed: number; valid: number }> {
  const path = join(directory, `${crypto.randomUUID()}.pdf`);
  await writeFile(path, pdf);
  const { stdout } = await run('pdfsig', [path]).catch((error: unknown) => {
    // It ends with an error where there is no signature.
    const { stdout } = error as { stdout?: string };
    if (stdout?.includes('does not contain any signatures')) return { stdout };
    throw error;
  });
  const count = (pattern: RegExp) => stdout.match(pattern)?.length ?? 0;
  return { listed: count(/^Signature #/gm), valid: count(/Signature is Valid\./g) };
}

/** How many signatures a PDF holds. */
export function signatureCount(pdf: Buffer): number {
  return pdf.toString('latin1').match(/\/ByteRange/g)?.length ?? 0;
}
