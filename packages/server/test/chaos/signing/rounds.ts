import { fork } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { CompanyField, Individual } from '../../../src/signing/index.ts';
import { contractPdf } from '../../support/contract-pdf.ts';
import { startHttpStub } from '../../support/http-stub.ts';
import { createRandom, type Random } from '../random.ts';
import { judgeFlow } from './judge.ts';
import { openPeople, type People } from './people.ts';
import { readLedger, type ExpectedFlow } from './ledger.ts';
import { openSigningSite, type SigningSite, type SiteTerms } from './site.ts';
import { CERTAIN_STEPS, STEPS, type Step } from './steps.ts';

export interface SigningRound {
  /** From 1. */
  readonly number: number;
  /** Where nodes were told to kill themselves, and whether they came there. */
  readonly kills: readonly { step: Step; time: number; wasKilled: boolean }[];
  readonly flows: number;
  readonly signatures: number;
  readonly faults: readonly string[];
}

export interface SigningRoundsOptions {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
  readonly onRound: (round: SigningRound) => void;
  readonly signal?: AbortSignal;
}

const KILLS_PER_ROUND = 2;
const SETTLE_MS_MAX = 60_000;
const LOOK_AGAIN_MS = 40;
const LAST_STEP_MS = 400;
/** A second node beside the one that is killed, in so many rounds. */
const PEER_CHANCE = 0.3;
const CONTRACT_PAGES = 3;

/** A company's field, and the pages on which it makes a signature. */
type PlannedField = { readonly field: CompanyField; readonly pages: readonly number[] };

function onPage(page: number): PlannedField {
  const placement = { kind: 'page', positions: [{ page, x: 300, y: 200 }] } as const;
  return { field: { autoExecute: true, placement, width: null, date: null }, pages: [page] };
}

const ACROSS: PlannedField = {
  field: {
    autoExecute: true,
    placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 400 }] },
    width: null,
    date: null,
  },
  pages: [1, 2, 3],
};

/** The flows that are made before each kill of a round. */
const FLOWS: readonly (readonly (readonly PlannedField[])[])[] = [
  [[onPage(1)], [onPage(2), ACROSS]],
  [[onPage(1), onPage(2), onPage(3)]],
];

/** How often a node comes to a step, at least, with the flows that were made before this kill alone. */
function timesOf(step: Step, kill: number): number {
  const flows = FLOWS[kill % FLOWS.length] ?? [];
  const isOncePerFlow = STEPS.indexOf(step) <= STEPS.indexOf('job-is-done') || step.startsWith('end-');
  return isOncePerFlow ? flows.length : flows.flat().length;
}

/**
 * Round by round: flows are made, nodes are killed at steps of their signing, another one is left to go on, and what came
 * of each flow is judged. Each step is the deadly one once before any is twice.
 */
export async function runSigningRounds(options: SigningRoundsOptions): Promise<SigningRound[]> {
  const random = createRandom(options.seed);
  const terms: SiteTerms = {
    databaseUrl: options.databaseUrl,
    folder: join(options.folder, 'files'),
    masterKey: randomBytes(32).toString('hex'),
  };
  await mkdir(terms.folder, { recursive: true });
  const outside = await startHttpStub();
  const site = await openSigningSite(terms, 'signing-rounds', () => undefined);
  const people = await openPeople(site);
  const rounds: SigningRound[] = [];
  try {
    const party = await openParty(site);
    const world = {
      site,
      terms,
      party,
      people,
      contractUrl: outside.answer('/contract.pdf', await contractPdf(CONTRACT_PAGES)),
      notifyUrl: `${outside.url}/notify`,
    };
    const deck: Step[] = [];
    for (let number = 1; number <= options.rounds && options.signal?.aborted !== true; number += 1) {
      while (deck.length < KILLS_PER_ROUND) deck.push(...random.shuffled(CERTAIN_STEPS));
      const round = await runRound(world, { number, steps: deck.splice(0, KILLS_PER_ROUND), random: random.branch() });
      rounds.push(round);
      options.onRound(round);
    }
  } finally {
    await people.close();
    await site.close();
    await outside.close();
  }
  return rounds;
}

interface World {
  readonly site: SigningSite;
  readonly terms: SiteTerms;
  readonly party: { readonly appId: string; readonly etcMemberNo: string };
  readonly people: People;
  readonly contractUrl: string;
  readonly notifyUrl: string;
}

async function openParty({ apps, parties }: SigningSite): Promise<World['party']> {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const actor = 'operator';
  const { app } = await apps.create({ name: '测试应用', publicKey: pem, actor });
  const { appId } = app;
  const org = {
    appId,
    bizOrgNo: 'org-1',
    orgType: '01',
    orgName: '北京易楼房地产经纪有限公司',
    actor,
    details: {},
  } as const;
  const { etcOrgNo } = await parties.createOrg(org);
  await parties.verifyOrg({ appId, etcOrgNo, reason: '营业执照已核对', actor });
  const member = await parties.createMember({ appId, etcOrgNo, bizMemberNo: 'm1', memberName: '张三', actor });
  return { appId, etcMemberNo: member.etcMemberNo };
}

async function runRound(
  world: World,
  { number, steps, random }: { number: number; steps: readonly Step[]; random: Random },
): Promise<SigningRound> {
  const flows: ExpectedFlow[] = [await confirmedFlow(world)];
  const settled = (signal: AbortSignal) =>
    untilSettled(
      world,
      flows.map(({ flowRequestId }) => flowRequestId),
      signal,
    );
  const kills: SigningRound['kills'][number][] = [];
  const ending = new AbortController();
  let peer: Promise<SigningNode> | null = null;
  try {
    for (const [index, step] of steps.entries()) {
      for (const planned of FLOWS[index % FLOWS.length] ?? []) flows.push(await createFlow(world, planned));
      const time = random.integer(1, timesOf(step, index));
      // Two nodes that sign the same flows, in some rounds: one of them dies.
      if (random.chance(PEER_CHANCE)) peer ??= startNode(world, `peer-${number}`);
      const doomed = await startNode(world, `doomed-${number}-${index}`, { step, time });
      // What comes after the last commit is a step too.
      const allDone = settled(ending.signal).then(() => wait(LAST_STEP_MS));
      await Promise.race([doomed.ended, allDone]);
      kills.push({ step, time, wasKilled: doomed.isEnded() });
      await doomed.kill();
    }
    peer ??= startNode(world, `survivor-${number}`);
    await settled(AbortSignal.timeout(SETTLE_MS_MAX));
  } finally {
    ending.abort();
    await (await peer)?.kill();
  }
  const faults: string[] = [];
  let signatures = 0;
  for (const flow of flows) {
    const ledger = await readLedger(world.site, world.party.appId, flow);
    signatures += ledger.signatures.length;
    faults.push(...judgeFlow(ledger).map((fault) => `${ledger.flowRequestId}: ${fault}`));
  }
  return { number, kills, flows: flows.length, signatures, faults };
}

async function createFlow(
  { site, party, contractUrl, notifyUrl }: World,
  planned: readonly PlannedField[],
  signers: readonly Individual[] = [],
): Promise<ExpectedFlow> {
  const { flowRequestId } = await site.signing.createFlow({
    appId: party.appId,
    bizRequestNo: null,
    fileUrl: contractUrl,
    fileName: '房屋买卖合同.pdf',
    notifyUrl,
    signValidity: null,
    finishNotifyFlag: true,
    signers,
    initiator: { etcMemberNo: party.etcMemberNo, signOrder: 1, fields: planned.map(({ field }) => field) },
  });
  return { flowRequestId, pages: [...planned.map(({ pages }) => pages), ...signers.map(() => [1])] };
}

/**
 * A flow that its company has signed and that two people have confirmed, at the same moment: what is left is to make their
 * signatures. Until then this process is the node, and nobody kills it.
 */
async function confirmedFlow(world: World): Promise<ExpectedFlow> {
  const { site, people } = world;
  await site.jobs.start();
  const signers = [people.next(150), people.next(450)];
  const flow = await createFlow(
    world,
    [onPage(2)],
    signers.map(({ individual }) => individual),
  );
  const confirms: (() => Promise<void>)[] = [];
  for (const signer of signers) confirms.push(await signer.preview());
  await site.jobs.stop();
  await Promise.all(confirms.map((confirm) => confirm()));
  return flow;
}

/** Settles when no request waits and no flow is in signing, or when there is no more time. */
async function untilSettled({ site, party }: World, requests: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await site.database.pool.query(
      `select 1 from sign_request r left join sign_flow f on f.app_id = r.app_id and f.flow_id = r.flow_id
       where r.app_id = $1 and r.flow_request_id = any($2) and (r.state = 'pending' or f.state = 'signing') limit 1`,
      [party.appId, requests],
    );
    if (rows.length === 0) return;
    await wait(LOOK_AGAIN_MS);
  }
}

interface SigningNode {
  readonly ended: Promise<unknown>;
  isEnded(): boolean;
  /** SIGKILL, if it is not gone already. */
  kill(): Promise<void>;
}

async function startNode({ terms }: World, name: string, deadly?: { step: Step; time: number }): Promise<SigningNode> {
  const last = deadly === undefined ? [] : [deadly.step, String(deadly.time)];
  const child = fork(new URL('node.ts', import.meta.url), [name, JSON.stringify(terms), ...last], { execArgv: [] });
  const ended = once(child, 'exit');
  const isEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await Promise.race([once(child, 'message'), ended]);
  if (isEnded() && child.signalCode !== 'SIGKILL') throw new Error(`${name} does not start`);
  return {
    ended,
    isEnded,
    async kill() {
      if (!isEnded()) child.kill('SIGKILL');
      await ended;
    },
  };
}
