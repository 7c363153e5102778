import { Type, type Static } from 'typebox';
import type { VerificationAnswer } from './contract.ts';

const Nullable = <T extends ReturnType<typeof Type.String>>(type: T) => Type.Union([type, Type.Null()]);
const Text = Type.String();
const TextOrNull = Nullable(Text);
const Words = Type.Object({ zh: Text, en: Text }, { description: 'for people' });
const Count = Type.Integer({ minimum: 0 });
const CountOrNull = Type.Union([Count, Type.Null()]);

const Change = Type.Object({
  code: Text,
  allowed: Type.Boolean({ description: 'the signature lets it be' }),
  count: Count,
  page: CountOrNull,
  field: TextOrNull,
  revision: Count,
  words: Words,
});

const Certificate = Type.Object({
  commonName: TextOrNull,
  organization: TextOrNull,
  subject: Text,
  issuer: Text,
  serialNumber: Text,
  notBefore: Text,
  notAfter: Text,
});

const SIGNATURE_VERDICTS = [
  Type.Literal('valid'),
  Type.Literal('valid_with_changes'),
  Type.Literal('changed'),
  Type.Literal('broken'),
  Type.Literal('indeterminate'),
] as const;

const Signature = Type.Object({
  fieldName: Text,
  kind: Type.Union([Type.Literal('signature'), Type.Literal('timestamp')]),
  verdict: Type.Union([...SIGNATURE_VERDICTS]),
  words: Words,
  problems: Type.Array(Type.Object({ code: Text, words: Words }), { description: 'the gravest first' }),
  signer: Type.Union([Certificate, Type.Null()]),
  claimed: Type.Object(
    { at: TextOrNull, name: TextOrNull, reason: TextOrNull, location: TextOrNull },
    { description: "the signer's own word" },
  ),
  provenTime: Type.Union([
    Type.Object({
      at: Text,
      source: Type.Union([Type.Literal('signature_timestamp'), Type.Literal('document_timestamp')]),
      authority: Text,
    }),
    Type.Null(),
  ]),
  integrity: Type.Union([Type.Literal('intact'), Type.Literal('broken')]),
  trust: Type.Object({
    state: Type.Union([Type.Literal('trusted'), Type.Literal('unknown')]),
    source: Type.Union([Type.Literal('built_in'), Type.Literal('operator'), Type.Literal('given'), Type.Null()]),
    root: TextOrNull,
  }),
  revocation: Type.Object({
    state: Type.Union([Type.Literal('good'), Type.Literal('revoked'), Type.Literal('unknown')]),
    source: Type.Union([Type.Literal('crl'), Type.Literal('ocsp'), Type.Literal('authority'), Type.Null()]),
    at: TextOrNull,
  }),
  level: Type.Union([
    Type.Literal('B-B'),
    Type.Literal('B-T'),
    Type.Literal('B-LT'),
    Type.Literal('B-LTA'),
    Type.Null(),
  ]),
  format: TextOrNull,
  page: CountOrNull,
  revision: CountOrNull,
  coversWholeFile: Type.Boolean(),
  permits: Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal(3), Type.Null()]),
  changes: Type.Array(Change, { description: 'since this signature; forbidden ones first' }),
  changesLeftOut: Count,
});

/** `VerificationAnswer`, for the description of the API and for writing the answer. */
export const Answer = Type.Object({
  verdict: Type.Union([...SIGNATURE_VERDICTS, Type.Literal('not_signed')]),
  words: Words,
  checkedAt: Text,
  file: Type.Object({ sha256: Text, bytes: Count, revisions: Count, pages: Count }),
  signatures: Type.Array(Signature),
});

/** Does not compile where the schema and the words that the page reads have come apart. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const isSame: Same<Static<typeof Answer>, VerificationAnswer> = true;
void isSame;

export const Refusal = Type.Object({ error: Text, message: Text });
