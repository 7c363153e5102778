import { generateKeyPairSync, verify } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adminClient } from '../cli/client.ts';
import type { Account } from './account.ts';
import { acknowledged, CALLBACK_TIMEOUT_MS, triesOf } from './callbacks.ts';
import { dataOf, expect, textOf } from './checks.ts';
import { createGatewayClient } from './gateway-client.ts';
import { BROKER_FIELDS, BUYER_FIELDS } from './places.ts';
import type { Arrival } from './receiver.ts';
import { CONTRACT_FILE, type DemoApplication, type DemoCompany, type Stage } from './stage.ts';
import { checkSignatures, pdfsigVerdicts } from './verify-pdf.ts';

export interface SignedContract {
  file: string;
  pdf: Buffer;
}

/** An application with a key pair of its own; only the public half reaches the service. */
export async function createApplication(account: Account, stage: Stage): Promise<DemoApplication> {
  const admin = adminClient(stage.context, { dataDir: stage.service.dataDir });
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  let made: DemoApplication | undefined;
  await account.step('an application registers its public key', async (tell) => {
    const app = await admin.send('POST', '/apps', {
      name: '示例交易平台',
      public_key: keys.publicKey,
      notify_url: `${stage.receiver.url}/notify`,
    });
    const appId = textOf(app, 'app_id');
    made = {
      appId,
      appSecret: textOf(app, 'app_secret'),
      relayPublicKey: textOf(app, 'relay_public_key'),
      gateway: createGatewayClient(stage.service.url, appId, keys.privateKey),
      admin,
    };
    tell(`app_id ${appId}, its partner's server ${stage.receiver.url} turns every message away twice`);
  });
  if (made === undefined) throw new Error('no application');
  return made;
}

/** createFlowOneStep with silent company signing; both callbacks with their tries; the signed file. */
export async function signContract(
  account: Account,
  stage: Stage,
  app: DemoApplication,
  company: DemoCompany,
): Promise<SignedContract> {
  let flowId = '';
  await account.step('its contract is signed: createFlowOneStep', async (tell) => {
    const created = dataOf(
      await app.gateway.call('esign.signflows.createFlowOneStep', {
        fileUrl: `${stage.receiver.url}/contract.pdf`,
        fileName: CONTRACT_FILE,
        notifyUrl: `${stage.receiver.url}/notify`,
        signers: {
          initiatorAccount: { etc_member_no: company.etcMemberNo, signfields: BROKER_FIELDS },
        },
      }),
    );
    const requestId = textOf(created, 'flowRequestId');
    const opened = await acknowledged(
      stage,
      tell,
      'create_sign_process',
      (data) => data['flow_request_id'] === requestId,
    );
    expect(opened['success_flag'] === true, `success_flag true, got ${JSON.stringify(opened)}`);
    flowId = textOf(opened, 'flow_id');
    const ended = await acknowledged(stage, tell, 'sign_process', (data) => data['flow_id'] === flowId);
    expect(ended['flow_status'] === '2', 'flow_status "2"');
    tell(`sign_process says ${String(ended['status_description'])}: ${String(ended['business_scence'])}`);
  });
  let signed: SignedContract | undefined;
  await account.step('the signed contract is fetched by its short-lived URL', async (tell) => {
    const { docs } = dataOf(await app.gateway.call('esign.signflows.documents', { flowId })) as {
      docs: { fileUrl: string }[];
    };
    const answer = await fetch(docs[0]?.fileUrl ?? '');
    expect(answer.ok, `the file, got HTTP ${answer.status}`);
    const pdf = Buffer.from(await answer.arrayBuffer());
    const file = join(stage.directory, CONTRACT_FILE);
    await writeFile(file, pdf);
    signed = { file, pdf };
    tell(`${file} (${Math.ceil(pdf.length / 1024)} KB)`);
  });
  if (signed === undefined) throw new Error('no signed contract');
  return signed;
}

/** The PDF's signatures, checked by code that shares nothing with the code that signed. */
export async function verifyContract(account: Account, stage: Stage, signed: SignedContract): Promise<void> {
  await account.step('every signature is checked independently', async (tell) => {
    const signatures = await checkSignatures(signed.pdf, await stage.service.rootCertificatePem());
    const signers = [...new Set(signatures.map((signature) => signature.signer))].join(', ');
    const valid = signatures.filter((signature) => signature.valid).length;
    tell(
      `node:crypto: ${valid} of ${signatures.length} signatures valid, by ${signers}; one for each page a seal stands on`,
    );
    expect(signatures.length >= BROKER_FIELDS.length, 'a signature for every sign field');
    expect(
      signatures.every((signature) => signature.valid),
      'every signature to be valid',
    );
    expect(signatures.at(-1)?.coversTo === signed.pdf.length, 'the last signature to cover the whole file');
    const verdicts = await pdfsigVerdicts(signed.file);
    if (verdicts === undefined) {
      tell('pdfsig is not on this machine; checked by node:crypto alone');
      return;
    }
    for (const [verdict, times] of tally(verdicts)) tell(`pdfsig: ${times} × ${verdict}`);
    expect(verdicts.length === signatures.length, 'pdfsig to find every signature');
    expect(
      verdicts.every((verdict) => verdict === 'Signature is Valid.'),
      'pdfsig to call them valid',
    );
  });
}

/** How often each text stands in a list. */
function tally(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Seed 002: a flow that still waits for a person is revoked, in the older dialect as in the seed's sample. */
export async function revokeSecond(
  account: Account,
  stage: Stage,
  app: DemoApplication,
  company: DemoCompany,
): Promise<void> {
  await account.step('a second flow is revoked while it waits for a buyer (seed 002)', async (tell) => {
    const created = dataOf(
      await app.gateway.call('esign.signflows.createFlowOneStep', {
        fileUrl: `${stage.receiver.url}/contract.pdf`,
        fileName: CONTRACT_FILE,
        notifyUrl: `${stage.receiver.url}/notify`,
        signers: {
          initiatorAccount: {
            signOrder: 2,
            etc_member_no: company.etcMemberNo,
            signfields: BROKER_FIELDS,
          },
          signerAccount: [
            {
              signOrder: 1,
              name: '李买受',
              idNumber: '11010119900307803X',
              mobile: '13800000000',
              signfields: BUYER_FIELDS,
            },
          ],
        },
      }),
    );
    const requestId = textOf(created, 'flowRequestId');
    const opened = await acknowledged(
      stage,
      () => {},
      'create_sign_process',
      (data) => data['flow_request_id'] === requestId,
    );
    const flowId = textOf(opened, 'flow_id');
    const answer = await app.gateway.callOlder('esign.signflows.revoke', {
      flowId,
      etc_member_no: company.etcMemberNo,
      revokeReason: '合同有误',
    });
    tell(JSON.stringify(answer));
    expect(JSON.stringify(answer.data) === '{"revokeResult":true}', 'revokeResult true');
    const ended = await acknowledged(stage, tell, 'sign_process', (data) => data['flow_id'] === flowId);
    expect(ended['flow_status'] === '3', 'flow_status "3"');
    tell(`sign_process: flow_status "3", ${String(ended['status_description'])}`);
  });
}

/** Seed 003: its sample goes through the relay; the first answer is 202, the message arrives and its envelope verifies. */
export async function relaySample(account: Account, stage: Stage, app: DemoApplication): Promise<void> {
  await account.step("the relay delivers seed 003's message to a partner that is down at first", async (tell) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${app.appSecret}` };
    const accepted = await fetch(`${stage.service.url}/api/callback`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        callback_url: `${stage.receiver.url}/api/doc`,
        callee_no: 'b42652fe',
        caller_no: 'b372be686fa6',
        app_id: app.appId,
        message_type: '',
        request_message: { field1: '任意字段', field2: '任意字段' },
      }),
    });
    const first = (await accepted.json()) as { request_id: string; code: string; msg: string };
    tell(`POST /api/callback → ${first.code} ${first.msg}`);
    expect(first.code === '202', `code 202, got ${first.code}`);
    const isIt = (arrival: Arrival): boolean => arrival.webhookId === first.request_id && arrival.answered !== '500';
    const last = await stage.receiver.waitFor('the relayed message', isIt, CALLBACK_TIMEOUT_MS);
    tell(`tries: ${triesOf(stage, last)}`);
    const envelope = JSON.parse(last.body) as Record<string, unknown>;
    const text = `nonce=${String(envelope['nonce'])}&request_content=${String(envelope['request_content'])}&timestamp=${String(envelope['timestamp'])}`;
    const signature = Buffer.from(textOf(envelope, 'sign'), 'base64');
    expect(verify('RSA-SHA1', Buffer.from(text), app.relayPublicKey, signature), 'the envelope to verify');
    const outcome = await fetch(`${stage.service.url}/api/callback?request_id=${first.request_id}&wait=10`, {
      headers,
    });
    const { code, msg } = (await outcome.json()) as { code: string; msg: string };
    tell(`envelope verified; GET /api/callback → ${code} ${msg}`);
    expect(code === '000', `code 000, got ${code}`);
  });
}
