import { createEvidenceReports, type EvidenceReports } from '../../src/evidence-report/index.ts';
import type { OutgoingMessage } from '../../src/messages/index.ts';
import { createParties } from '../../src/parties/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createSeals } from '../../src/seals/index.ts';
import type { TaskAnswer } from '../../src/dialects/signer/contract.ts';
import type { AddCopy, CopyView } from '../../src/signing/index.ts';
import { testSigner } from './signed-pdf.ts';
import { openLink, startSignerHttp, type SignerClient, type SignerHttp } from './signer-client.ts';
import { individual, startSigningFixture, type CommandChange, type SigningFixture } from './signing-fixture.ts';

export const LI = '13800138000';
export const WANG = '13700137000';
const FIELD = { placement: { kind: 'free' as const }, width: null, date: null, forms: ['handwritten' as const] };
export const LI_SI = individual({ fields: [FIELD] });
/** Signs after Li. */
export const WANG_WU = individual({
  name: '王五',
  idNumber: '110105194912310038',
  mobile: WANG,
  signOrder: 3,
  fields: [FIELD],
});
/** Of who gets a copy, unless changed. */
export const ZHOU = '13500135000';

/** Signing with its page's API and real evidence reports, and what tests of a flow's end repeat. */
export interface EndedFlows {
  readonly fixture: SigningFixture;
  readonly http: SignerHttp;
  /** Opens the link that was sent to this address last. */
  open(address: string): Promise<SignerClient>;
  /** A flow that the company signed and Li is to sign. */
  waitingFlow(changed?: CommandChange): Promise<string>;
  /** Signs as who has the newest link of this mobile, up to the signature. */
  signAs(mobile: string): Promise<SignerClient>;
  /** The same, up to the confirmation. */
  confirmAs(mobile: string): Promise<SignerClient>;
  doneFlow(): Promise<string>;
  /** What was sent while `act` ran, but for codes. */
  sentBy(act: () => Promise<unknown>): Promise<OutgoingMessage[]>;
  /** Proves with a code that whoever opened the link is who it went to. */
  prove(client: SignerClient, address: string): Promise<TaskAnswer>;
  addCopy(flowId: string, changed?: Partial<AddCopy>): Promise<CopyView>;
  close(): Promise<void>;
}

/** Reports of the flows of a fixture, signed by somebody of the test's own. */
export async function evidenceOf({ clock, service }: SigningFixture): Promise<EvidenceReports> {
  const { database, documents, signing } = service;
  const { db } = database;
  const signer = await testSigner('P-256', '印信服务 Yinxin Service');
  return createEvidenceReports({
    db,
    clock,
    documents,
    signing,
    parties: createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock }),
    seals: createSeals({ clock }),
    validate: () => Promise.resolve(null),
    signer: () => Promise.resolve(signer),
  });
}

export async function startEndedFlows(): Promise<EndedFlows> {
  const fixture = await startSigningFixture();
  const { clock, service, jobs } = fixture;
  const { signing, outgoing, appId } = service;
  const http = await startSignerHttp({ signing, clock, evidence: await evidenceOf(fixture) });
  const open = async (address: string): Promise<SignerClient> => openLink(http, await outgoing.linkOf(address));
  const waitingFlow = (changed: CommandChange = {}) => fixture.waitingFlow({ signers: [LI_SI], ...changed });

  async function confirmAs(mobile: string): Promise<SignerClient> {
    const client = await open(mobile);
    await client.enter(() => outgoing.codeOf(mobile));
    await client.sign();
    return client;
  }

  async function signAs(mobile: string): Promise<SignerClient> {
    const client = await confirmAs(mobile);
    const [error] = await jobs.run(clock.now());
    if (error !== undefined) throw error;
    return client;
  }

  return {
    fixture,
    http,
    open,
    waitingFlow,
    confirmAs,
    signAs,
    async doneFlow() {
      const flowId = await waitingFlow();
      await signAs(LI);
      const state = await fixture.state(flowId);
      if (state !== 'done') throw new Error(`the flow is ${state}`);
      return flowId;
    },
    async sentBy(act) {
      const before = (await outgoing.deliver()).length;
      await act();
      return (await outgoing.deliver()).slice(before).filter(({ kind }) => !kind.endsWith('_code'));
    },
    async prove(client, address) {
      await client.done('POST', '/code');
      return client.done('POST', '/code/check', { code: await outgoing.codeOf(address) });
    },
    addCopy: (flowId, changed = {}) =>
      signing.addCopy({ appId, flowId, name: '周律师', mobile: ZHOU, email: null, actor: 'operator', ...changed }),
    async close() {
      await http.close();
      await fixture.close();
    },
  };
}
