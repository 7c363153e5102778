/** What a one-step creation came to. `reason` is for a person: Chinese, 64 characters at most. */
export type FlowCreated = {
  appId: string;
  /** The flow's own notifyUrl; null is the app's. */
  notifyUrl: string | null;
  flowRequestId: string;
  result: { ok: true; flowId: string } | { ok: false; reason: string };
  at: Date;
};

/** A flow that ended. */
export type FlowEnded = {
  appId: string;
  notifyUrl: string | null;
  flowId: string;
  /** The document's subject: business_scence (sic). */
  subject: string;
  outcome: 'done' | 'revoked' | 'expired' | 'refused';
  createdAt: Date;
  endedAt: Date;
};
