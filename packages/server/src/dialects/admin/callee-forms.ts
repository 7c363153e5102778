import { Type, type Static } from 'typebox';
import type { Callee, CalleeChange, CalleeUrl } from '../../relay/index.ts';

const STATUSES_MAX = 400;
const RULES_MAX = 10;
const DELAYS_MAX = 100;
const PEM_CHARACTERS_MAX = 65_536;

const Statuses = Type.Array(Type.Integer(), { maxItems: STATUSES_MAX });
const Pem = Type.String({ maxLength: PEM_CHARACTERS_MAX });

// One schema with several types, not a union of schemas: values are turned into the type that is wanted, and each part
// of a union would turn null into its own 0 or "", and a list of one into its element.
const TextOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] });
const PemOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: PEM_CHARACTERS_MAX });
const WholeOrNull = Type.Unsafe<number | null>({ type: ['integer', 'null'] });
const NumberOrNull = Type.Unsafe<number | null>({ type: ['number', 'null'] });
const Scalar = Type.Unsafe<string | number | boolean>({ description: 'a string, a number or a boolean' });

/** When an answer is as a rule says. */
const AnswerRule = Type.Union([
  Type.Object({ kind: Type.Literal('status'), statuses: Statuses }),
  Type.Object({ kind: Type.Literal('text'), text: Type.String(), statuses: Type.Optional(Statuses) }),
  Type.Object({
    kind: Type.Literal('json'),
    path: Type.String(),
    value: Scalar,
    statuses: Type.Optional(Statuses),
  }),
]);

const RulesOrNull = Type.Unsafe<Static<typeof AnswerRule>[] | null>({
  type: ['array', 'null'],
  items: AnswerRule,
  maxItems: RULES_MAX,
});
const DelaysOrNull = Type.Unsafe<number[] | null>({
  type: ['array', 'null'],
  items: { type: 'integer' },
  maxItems: DELAYS_MAX,
});

/** A change of a destination: what is left out stays, null takes away. */
export const CalleeChangeForm = Type.Partial(
  Type.Object(
    {
      url: Type.String(),
      url_pinning: Type.String(),
      profile: Type.String(),
      sign_type: Type.String(),
      enabled: Type.Boolean(),
      acknowledge: Type.Union([Type.Null(), AnswerRule]),
      refuse: RulesOrNull,
      retry_after: Type.Union([
        Type.Null(),
        Type.Object({ statuses: Type.Optional(Statuses), path: Type.Optional(Type.String()) }),
      ]),
      delays_ms: DelaysOrNull,
      attempt_timeout_ms: WholeOrNull,
      in_flight_max: WholeOrNull,
      rate_per_second: NumberOrNull,
      circuit: Type.Union([
        Type.Null(),
        Type.Literal('off'),
        Type.Object({ failures: Type.Integer(), cool_down_ms: Type.Integer() }),
      ]),
      ordering_key_path: TextOrNull,
      ordering_key_header: TextOrNull,
      latest_only: Type.Boolean(),
      webhook_secret: TextOrNull,
      ed25519_key: Type.Null(),
      body_private_key: PemOrNull,
      client_certificate: Type.Union([Type.Null(), Type.Object({ certificate: Pem, private_key: Pem })]),
      authority: PemOrNull,
      encryption: Type.Union([
        Type.Null(),
        Type.Object({ algorithm: Type.String(), public_key: Pem, key_id: Type.Optional(Type.String()) }),
      ]),
    },
    { additionalProperties: false },
  ),
);

type Body = Static<typeof CalleeChangeForm>;

/** The change that a body asks for, without what it leaves out. */
export function readCalleeChange(body: Body): Omit<CalleeChange, 'appId' | 'calleeNo' | 'actor'> {
  const { circuit, encryption, client_certificate: client } = body;
  return withoutAbsent({
    url: body.url,
    urlPinning: body.url_pinning,
    profile: body.profile,
    signType: body.sign_type,
    enabled: body.enabled,
    acknowledge: body.acknowledge,
    refuse: body.refuse,
    retryAfter: body.retry_after,
    delaysMs: body.delays_ms,
    attemptTimeoutMs: body.attempt_timeout_ms,
    inFlightMax: body.in_flight_max,
    ratePerSecond: body.rate_per_second,
    circuit: isObject(circuit) ? { failures: circuit.failures, coolDownMs: circuit.cool_down_ms } : circuit,
    orderingKeyPath: body.ordering_key_path,
    orderingKeyHeader: body.ordering_key_header,
    latestOnly: body.latest_only,
    webhookSecret: body.webhook_secret,
    ed25519: body.ed25519_key,
    bodyPrivateKeyPem: body.body_private_key,
    clientCertificate: isObject(client)
      ? { certificatePem: client.certificate, privateKeyPem: client.private_key }
      : client,
    authorityPem: body.authority,
    encryption: isObject(encryption)
      ? {
          algorithm: encryption.algorithm,
          publicKeyPem: encryption.public_key,
          ...(encryption.key_id !== undefined && { keyId: encryption.key_id }),
        }
      : encryption,
  });
}

type Present<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

function withoutAbsent<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Present<T>;
}

function isObject<T>(value: T): value is T & object {
  return typeof value === 'object' && value !== null;
}

/** A destination as the admin API tells of it. */
export function presentCallee(callee: Callee): Record<string, unknown> {
  const { credentials, circuit } = callee;
  const { clientCertificate: client, authority, encryption } = credentials;
  return {
    callee_no: callee.calleeNo,
    app_id: callee.appId,
    url: callee.url,
    url_version: callee.urlVersion,
    url_pinning: callee.urlPinning,
    profile: callee.profile,
    sign_type: callee.signType,
    enabled: callee.enabled,
    acknowledge: callee.acknowledge,
    refuse: callee.refuse,
    retry_after: callee.retryAfter,
    delays_ms: callee.delaysMs,
    attempt_timeout_ms: callee.attemptTimeoutMs,
    in_flight_max: callee.inFlightMax,
    rate_per_second: callee.ratePerSecond,
    circuit: isObject(circuit) ? { failures: circuit.failures, cool_down_ms: circuit.coolDownMs } : circuit,
    ordering_key_path: callee.orderingKeyPath,
    ordering_key_header: callee.orderingKeyHeader,
    latest_only: callee.latestOnly,
    has_own_webhook_secret: callee.hasOwnSecret,
    previous_webhook_secret_until: credentials.previousWebhookSecretUntil,
    ed25519_public_keys: credentials.ed25519.map(({ publicKey, until }) => ({ public_key: publicKey, until })),
    body_public_key: credentials.bodyPublicKeyPem,
    client_certificate: client && {
      subject: client.subject,
      fingerprint: client.fingerprint,
      not_after: client.notAfter,
      expired: client.expired,
    },
    authority: authority && { sha256: authority.sha256, not_after: authority.notAfter, expired: authority.expired },
    encryption: encryption && {
      algorithm: encryption.algorithm,
      key_id: encryption.keyId,
      public_key: encryption.publicKeyPem,
    },
    created_at: callee.createdAt,
    updated_at: callee.updatedAt,
  };
}

export function presentCalleeUrl({ version, url, setBy, setAt }: CalleeUrl): Record<string, unknown> {
  return { version, url, set_by: setBy, set_at: setAt };
}
