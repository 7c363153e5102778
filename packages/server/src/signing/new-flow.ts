import type { Org } from '../parties/index.ts';
import { hexId } from '../platform/ids.ts';
import { afterEvent } from './flow.ts';
import type { NewFieldRow, NewFlowRow, NewSignerRow, RequestRow, StoredCommand } from './tables.ts';
import type { CompanyField, IndividualField } from './terms.ts';

export type NewFlow = {
  flow: NewFlowRow & { created_at: Date; sign_validity: Date | null };
  signers: readonly NewSignerRow[];
  fields: readonly NewFieldRow[];
};

type NewSigner = { row: NewSignerRow; fields: readonly (CompanyField | IndividualField)[] };

/** The rows of a flow that starts now: the initiator's company first, where it has fields, then the individuals. */
export function newFlowRows(input: {
  request: RequestRow;
  flowId: string;
  fileId: string;
  org: Org;
  at: Date;
}): NewFlow {
  const { request, flowId, fileId, org, at } = input;
  const { app_id: appId, command } = request;
  const signers = [...companySigner(appId, flowId, command, org), ...individuals(appId, flowId, command)];
  const started = afterEvent(
    {
      state: 'draft',
      signers: signers.map(({ row }) => ({ id: row.signer_id, signOrder: row.sign_order, state: row.state })),
    },
    { kind: 'start' },
  );
  if (started.kind === 'forbidden') throw new Error('a flow without signers was accepted');
  const stateOf = new Map(started.position.signers.map((signer) => [signer.id, signer.state]));
  const rows = signers.map(({ row }, position) => ({
    ...row,
    position,
    state: stateOf.get(row.signer_id) ?? row.state,
  }));
  const fields = signers.flatMap(({ row, fields }) => fields.map((field, position) => fieldRow(row, field, position)));
  const inTurn = new Set(rows.filter((row) => row.state === 'signing').map((row) => row.signer_id));
  return {
    flow: {
      app_id: appId,
      flow_id: flowId,
      flow_request_id: request.flow_request_id,
      state: started.position.state,
      subject: command.fileName,
      notify_url: command.notifyUrl,
      finish_notify: command.finishNotifyFlag,
      initiator_member_no: command.initiator.etcMemberNo,
      initiator_org_no: org.etcOrgNo,
      sign_validity: command.signValidity === null ? null : new Date(command.signValidity),
      file_id: fileId,
      reason: null,
      created_at: at,
      touched_at: at,
      silent_in_turn: fields.some((field) => field.auto_execute && inTurn.has(field.signer_id)),
      ended_at: null,
    },
    signers: rows,
    fields,
  };
}

function companySigner(appId: string, flowId: string, { initiator }: StoredCommand, org: Org): NewSigner[] {
  if (initiator.fields.length === 0) return [];
  const row: NewSignerRow = {
    app_id: appId,
    flow_id: flowId,
    signer_id: hexId(),
    position: 0,
    sign_order: initiator.signOrder,
    kind: 'company',
    state: 'waiting',
    name: org.orgName,
    org_no: org.etcOrgNo,
    id_number: null,
    mobile: null,
    ended_at: null,
  };
  return [{ row, fields: initiator.fields }];
}

function individuals(appId: string, flowId: string, { signers }: StoredCommand): NewSigner[] {
  return signers.map((signer) => ({
    row: {
      app_id: appId,
      flow_id: flowId,
      signer_id: signer.signerId,
      position: 0,
      sign_order: signer.signOrder,
      kind: 'individual',
      state: 'waiting',
      name: signer.name,
      org_no: null,
      id_number: Buffer.from(signer.sealedIdNumber, 'base64'),
      mobile: Buffer.from(signer.sealedMobile, 'base64'),
      ended_at: null,
    },
    fields: signer.fields,
  }));
}

function fieldRow(signer: NewSignerRow, field: CompanyField | IndividualField, position: number): NewFieldRow {
  return {
    app_id: signer.app_id,
    flow_id: signer.flow_id,
    field_id: hexId(),
    signer_id: signer.signer_id,
    position,
    auto_execute: 'autoExecute' in field && field.autoExecute,
    field: JSON.stringify(field),
    state: 'waiting',
    file_id: null,
    signed_at: null,
  };
}
