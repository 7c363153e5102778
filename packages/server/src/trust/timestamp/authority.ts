import { createHash } from 'node:crypto';
import type { Clock } from '../../platform/clock.ts';
import type { CmsIdentity } from '../cms.ts';
import { readCertificate } from '../certificate-reader.ts';
import * as der from '../der.ts';
import { cmsSignatureAlgorithm } from '../signature-algorithm.ts';
import { objectIdentifier } from './asn1.ts';
import { decodeQuery, messageImprint, SHA256_OID } from './query.ts';
import type { TimestampQuery } from './query.ts';
import { TST_INFO_OID } from './token.ts';

/** Named by a random UUID (ITU-T X.667): this service promises no more than the clock of its machine. */
const POLICY_OID = '2.25.194997106437792673173600357860466152605';
const SHA256_BYTES = 32;
const SERIAL_NUMBER_BYTES = 16;
const ACCURACY_SECONDS = 1;

/** PKIFailureInfo (RFC 3161, 2.4.2): the number of its bit. */
const FAILURE = { badAlg: 0, badRequest: 2, badDataFormat: 5, unacceptedPolicy: 15, systemFailure: 25 } as const;

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

/** A timestamp service of RFC 3161: a TimeStampReq in, a TimeStampResp out. */
export type TimestampAuthority = {
  /** Never rejects: what cannot be stamped is answered as refused. */
  respond(query: Buffer): Promise<Buffer>;
};

type AuthorityOptions = {
  /** The key and its certificate, whose only purpose is time-stamping. */
  identity: () => Promise<CmsIdentity>;
  clock: Clock;
  randomBytes: (length: number) => Buffer;
  onFailure?: (error: unknown) => void;
};

export function createTimestampAuthority({
  identity,
  clock,
  randomBytes,
  onFailure,
}: AuthorityOptions): TimestampAuthority {
  return {
    async respond(bytes) {
      const query = decoded(bytes);
      if (query === undefined) return refused(FAILURE.badDataFormat);
      if (query.hashAlgorithm !== SHA256_OID) return refused(FAILURE.badAlg);
      if (query.hash.length !== SHA256_BYTES) return refused(FAILURE.badRequest);
      if (query.policy !== undefined && query.policy !== POLICY_OID) return refused(FAILURE.unacceptedPolicy);
      try {
        // The least that RFC 3161 asks of a serial number is that it is the service's only one.
        const serialNumber = randomBytes(SERIAL_NUMBER_BYTES);
        const content = timestampInfo(query, serialNumber, clock.now());
        const token = await signedToken(content, await identity(), query.certificateWanted);
        return der.sequence(der.sequence(der.integer(0)), token);
      } catch (error) {
        onFailure?.(error);
        return refused(FAILURE.systemFailure);
      }
    },
  };
}

function decoded(bytes: Buffer): TimestampQuery | undefined {
  try {
    return decodeQuery(bytes);
  } catch {
    return undefined;
  }
}

function refused(failure: number): Buffer {
  return der.sequence(der.sequence(der.integer(2), der.namedBits(failure)));
}

/** TSTInfo. */
function timestampInfo({ hash, nonce }: TimestampQuery, serialNumber: Buffer, at: Date): Buffer {
  return der.sequence(
    der.integer(1),
    objectIdentifier(POLICY_OID),
    messageImprint(hash),
    der.unsignedInteger(serialNumber),
    der.generalizedTime(at),
    der.sequence(der.integer(ACCURACY_SECONDS)),
    ...(nonce ? [der.unsignedInteger(nonce)] : []),
  );
}

async function signedToken(content: Buffer, identity: CmsIdentity, withCertificates: boolean): Promise<Buffer> {
  const { certificate, chain, key } = identity;
  const hash = (bytes: Buffer): Buffer => der.octetString(createHash('sha256').update(bytes).digest());
  const attributes = [
    attribute(OID.contentType, der.oid(TST_INFO_OID)),
    attribute(OID.messageDigest, hash(content)),
    attribute(OID.signingCertificateV2, der.sequence(der.sequence(der.sequence(hash(certificate))))),
  ];
  const digestAlgorithm = der.sequence(der.oid(SHA256_OID));
  const { issuer, serialNumber } = readCertificate(certificate);
  const signerInfo = der.sequence(
    der.integer(1),
    der.sequence(issuer, der.unsignedInteger(serialNumber)),
    digestAlgorithm,
    der.implicitSetOf(0, ...attributes),
    cmsSignatureAlgorithm(key.algorithm),
    der.octetString(await key.sign(der.setOf(...attributes))),
  );
  const signedData = der.sequence(
    der.integer(3),
    der.setOf(digestAlgorithm),
    der.sequence(der.oid(TST_INFO_OID), der.explicit(0, der.octetString(content))),
    ...(withCertificates ? [der.implicitSetOf(0, certificate, ...chain)] : []),
    der.setOf(signerInfo),
  );
  return der.sequence(der.oid(OID.signedData), der.explicit(0, signedData));
}

function attribute(type: string, value: Buffer): Buffer {
  return der.sequence(der.oid(type), der.setOf(value));
}
