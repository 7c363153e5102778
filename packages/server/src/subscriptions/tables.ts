/** migrations/0016_event_subscriptions.sql, as far as the query builder is used on it. */
export type SubscriptionTables = {
  event_subscription: {
    app_id: string;
    subscription_id: string;
    event_key: string;
    callback_url: string;
    callback_url_sha256: Buffer;
    subscriber: string | null;
    is_signature: boolean;
    created_at: Date;
  };
  event_idempotency_key: {
    app_id: string;
    idempotency_key: string;
    fingerprint: Buffer;
    event_id: string;
    deliveries: number;
    created_at: Date;
  };
};
