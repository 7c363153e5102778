/** What is known of a flow when nothing moves any more. */
export interface FlowLedger {
  readonly flowRequestId: string;
  readonly requestState: string;
  /** Null where there is no flow. */
  readonly state: string | null;
  /** Names of the signature fields that it should have. */
  readonly expected: readonly string[];
  /** Of its newest file, by pdfsig. */
  readonly signatures: readonly { field: string; valid: boolean; whole: boolean }[];
  /** Revisions that were counted, in any order: whether each is where the newest file begins. */
  readonly isBeginning: readonly boolean[];
  /** Of the audit trail: signatures that were counted. */
  readonly counted: number;
  readonly fields: number;
  /** Notifications create_sign_process and sign_process. */
  readonly told: { readonly created: number; readonly ended: number };
  /** Who signed by hand, and the messages to them that all have signed. */
  readonly people: { readonly signed: number; readonly told: number };
}

/** What must not be, in words; empty where all is well. */
export function judgeFlow(flow: FlowLedger): string[] {
  const faults: string[] = [];
  if (flow.requestState !== 'opened') faults.push(`the request is ${flow.requestState}`);
  if (flow.state !== 'done') faults.push(`the flow is stuck in ${flow.state}`);
  const names = flow.signatures.map(({ field }) => field);
  for (const name of flow.expected) {
    const count = names.filter((each) => each === name).length;
    if (count === 0) faults.push(`${name} is lost`);
    if (count > 1) faults.push(`${name} stands ${count} times`);
  }
  for (const name of names) if (!flow.expected.includes(name)) faults.push(`${name} is nobody's`);
  for (const { field, valid } of flow.signatures) if (!valid) faults.push(`${field} is not valid`);
  if (flow.signatures.length > 0 && !flow.signatures.some(({ whole }) => whole)) faults.push('none covers the whole');
  if (flow.isBeginning.includes(false)) faults.push('a signature that was counted is not in the newest file');
  if (flow.counted !== flow.fields) faults.push(`${flow.counted} signatures counted for ${flow.fields} fields`);
  if (flow.told.created !== 1) faults.push(`its creation was told ${flow.told.created} times`);
  if (flow.told.ended !== 1) faults.push(`its end was told ${flow.told.ended} times`);
  const { people } = flow;
  if (people.told !== people.signed) faults.push(`${people.signed} people were told of the end ${people.told} times`);
  return faults;
}
