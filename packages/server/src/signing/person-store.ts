import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { StoredCommand } from './tables.ts';

/** Where one person's data rests: a request, the signer in it, and the flow if there is one. */
export interface PersonPlace {
  readonly flowRequestId: string;
  readonly signerId: string;
  readonly flowId: string | null;
  /** Of the request while there is no flow. */
  readonly state: string;
  /** As the request has it. */
  readonly name: string;
  /** Null where it was erased. */
  readonly sealedIdNumber: Buffer | null;
  readonly sealedMobile: Buffer | null;
}

/** Writes where people of a request are found, and that this was done. */
export async function insertPersonKeys(
  tx: Transaction,
  request: { appId: string; flowRequestId: string },
  keys: readonly { signerId: string; keyHash: Buffer }[],
): Promise<void> {
  const { appId, flowRequestId } = request;
  await sql`
    with noted as (
      update sign_request set has_person_keys = true
      where app_id = ${appId} and flow_request_id = ${flowRequestId}
    )
    insert into sign_person_key (app_id, key_hash, flow_request_id, signer_id)
    select ${appId}, decode(key.hash, 'hex'), ${flowRequestId}, key.signer_id
    from unnest(${keys.map(({ keyHash }) => keyHash.toString('hex'))}::text[],
                ${keys.map(({ signerId }) => signerId)}::text[]) as key (hash, signer_id)
    on conflict do nothing
  `.execute(tx);
}

/** Requests whose people cannot be found yet, the oldest first. */
export async function requestsWithoutPersonKeys(
  executor: Executor,
  rowsMax: number,
): Promise<{ appId: string; flowRequestId: string; command: StoredCommand }[]> {
  const { rows } = await sql<{ appId: string; flowRequestId: string; command: StoredCommand }>`
    select app_id as "appId", flow_request_id as "flowRequestId", command from sign_request
    where not has_person_keys order by created_at limit ${rowsMax}
  `.execute(executor);
  return rows;
}

/** Where the data rests that one of these keys finds. */
export async function findPlaces(
  executor: Executor,
  appId: string,
  keyHashes: readonly Buffer[],
): Promise<PersonPlace[]> {
  const hashes = keyHashes.map((hash) => hash.toString('hex'));
  const { rows } = await sql<
    Omit<PersonPlace, 'name'> & {
      requestSigner: { name?: string; sealedIdNumber?: string; sealedMobile?: string } | null;
    }
  >`
    with found as (
      select distinct flow_request_id, signer_id from sign_person_key
      where app_id = ${appId} and key_hash in (select decode(hash, 'hex') from unnest(${hashes}::text[]) as hash)
    )
    select found.flow_request_id as "flowRequestId", found.signer_id as "signerId", request.flow_id as "flowId",
           coalesce(flow.state, request.state) as state,
           signer.id_number as "sealedIdNumber", signer.mobile as "sealedMobile",
           (select item from jsonb_array_elements(request.command -> 'signers') as item
            where item ->> 'signerId' = found.signer_id) as "requestSigner"
    from found
    join sign_request request on request.app_id = ${appId} and request.flow_request_id = found.flow_request_id
    left join sign_flow flow on flow.app_id = ${appId} and flow.flow_id = request.flow_id
    left join sign_signer signer
      on signer.app_id = ${appId} and signer.flow_id = request.flow_id and signer.signer_id = found.signer_id
    order by found.flow_request_id, found.signer_id
  `.execute(executor);
  return rows.map(({ flowRequestId, signerId, flowId, state, sealedIdNumber, sealedMobile, requestSigner }) => ({
    flowRequestId,
    signerId,
    flowId,
    state,
    name: requestSigner?.name ?? '',
    sealedIdNumber: sealedIdNumber ?? sealedText(requestSigner?.sealedIdNumber),
    sealedMobile: sealedMobile ?? sealedText(requestSigner?.sealedMobile),
  }));
}

/**
 * The same, locked until the transaction ends: none of the flows is begun, signed or ended meanwhile. Requests, then
 * flows, then signers, as whoever else locks several of them does: one who waits for the other would never end.
 */
export async function lockPlaces(tx: Transaction, appId: string, keyHashes: readonly Buffer[]): Promise<PersonPlace[]> {
  const places = await findPlaces(tx, appId, keyHashes);
  const requests = places.map(({ flowRequestId }) => flowRequestId);
  const signers = places.map(({ signerId }) => signerId);
  const flows = places.flatMap(({ flowId }) => flowId ?? []);
  await sql`
    select 1 from sign_request where app_id = ${appId} and flow_request_id = any(${requests}::text[])
    order by flow_request_id for update
  `.execute(tx);
  await sql`
    select 1 from sign_flow where app_id = ${appId} and flow_id = any(${flows}::text[]) order by flow_id for update
  `.execute(tx);
  await sql`
    select 1 from sign_signer
    where app_id = ${appId} and flow_id = any(${flows}::text[]) and signer_id = any(${signers}::text[])
    order by flow_id, signer_id for update
  `.execute(tx);
  // As they are now that nobody else changes them.
  return findPlaces(tx, appId, keyHashes);
}

function sealedText(base64: string | undefined): Buffer | null {
  return base64 === undefined || base64 === '' ? null : Buffer.from(base64, 'base64');
}

/**
 * Takes a person's data out of one place: what is sealed, what they wrote by hand, their sessions, codes and links. A
 * name that stands in no certificate is reduced to `name`. Acts, page views, hashes and certificates stay.
 */
export async function erasePlace(
  tx: Transaction,
  appId: string,
  { flowRequestId, signerId, flowId }: PersonPlace,
  maskedName: (name: string) => string,
): Promise<void> {
  const { rows } = await sql<{ name: string; state: string }>`
    update sign_signer set id_number = null, mobile = null
    where app_id = ${appId} and flow_id = ${flowId} and signer_id = ${signerId}
    returning name, state
  `.execute(tx);
  const [signer] = rows;
  const keepsName = signer?.state === 'signed';
  if (signer && !keepsName) {
    await sql`
      update sign_signer set name = ${maskedName(signer.name)}
      where app_id = ${appId} and flow_id = ${flowId} and signer_id = ${signerId}
    `.execute(tx);
  }
  await eraseInRequest(tx, { appId, flowRequestId, signerId, keepsName, maskedName });
  for (const table of ['sign_preview', 'sign_session', 'sign_code', 'sign_link'] as const) {
    await sql`
      delete from ${sql.table(table)} where app_id = ${appId} and flow_id = ${flowId} and signer_id = ${signerId}
    `.execute(tx);
  }
  await sql`
    update sign_intent set choices = (
      select coalesce(jsonb_agg(choice - 'handwriting' order by number), '[]')
      from jsonb_array_elements(choices) with ordinality as each (choice, number)
    )
    where app_id = ${appId} and flow_id = ${flowId} and signer_id = ${signerId}
  `.execute(tx);
  await sql`
    delete from sign_person_key
    where app_id = ${appId} and flow_request_id = ${flowRequestId} and signer_id = ${signerId}
  `.execute(tx);
}

/** The messages that were written to a signer, or to somebody who gets a copy, of a flow. */
export async function messagesTo(
  executor: Executor,
  { appId, flowId, visitorId }: { appId: string; flowId: string; visitorId: string },
): Promise<string[]> {
  const { rows } = await sql<{ messageId: string }>`
    select distinct message_id as "messageId" from sign_act
    where app_id = ${appId} and flow_id = ${flowId} and message_id is not null
      and (signer_id = ${visitorId} or detail ->> 'copyId' = ${visitorId} or actor = ${`copy:${visitorId}`})
  `.execute(executor);
  return rows.map(({ messageId }) => messageId);
}

async function eraseInRequest(
  tx: Transaction,
  place: {
    appId: string;
    flowRequestId: string;
    signerId: string;
    keepsName: boolean;
    maskedName: (name: string) => string;
  },
): Promise<void> {
  const { appId, flowRequestId, signerId, keepsName, maskedName } = place;
  const { rows } = await sql<{ command: StoredCommand }>`
    select command from sign_request where app_id = ${appId} and flow_request_id = ${flowRequestId}
  `.execute(tx);
  const [request] = rows;
  if (!request) return;
  const signers = request.command.signers.map((signer) => {
    if (signer.signerId !== signerId) return signer;
    const name = keepsName ? signer.name : maskedName(signer.name);
    return { ...signer, name, sealedIdNumber: '', sealedMobile: '' };
  });
  const command = JSON.stringify({ ...request.command, signers });
  await sql`
    update sign_request set command = ${command}::jsonb
    where app_id = ${appId} and flow_request_id = ${flowRequestId}
  `.execute(tx);
}
