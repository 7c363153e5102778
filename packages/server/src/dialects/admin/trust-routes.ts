import { Type } from 'typebox';
import type { Parties } from '../../parties/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { REVOCATION_REASONS } from '../../trust/index.ts';
import type { CertificateRecord, KeySource, RevocationReason, Trust } from '../../trust/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const Passphrase = Type.String({ minLength: 1, maxLength: 1_000 });
const RootFile = Type.Object(
  { pem: Type.String({ maxLength: 64 * 1024 }), passphrase: Passphrase },
  { additionalProperties: false },
);
const Export = Type.Object({ passphrase: Passphrase }, { additionalProperties: false });
const OptionalRootFile = Type.Object({ root_file: Type.Optional(RootFile) }, { additionalProperties: false });
const Renewal = Type.Object(
  {
    root_file: Type.Optional(RootFile),
    revoke: Type.Optional(Type.Union([Type.Literal('key_compromise'), Type.Literal('superseded')])),
  },
  { additionalProperties: false },
);
const Filter = Type.Object(
  {
    app_id: Type.Optional(Type.String({ maxLength: 16 })),
    holder: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  },
  { additionalProperties: false },
);
const CertificateParams = Type.Object({ serialNumber: Type.String({ pattern: '^[0-9a-fA-F]{2,40}$' }) });
const REASONS = Object.keys(REVOCATION_REASONS) as RevocationReason[];
const Revocation = Type.Object(
  {
    reason: Type.Union(REASONS.map((reason) => Type.Literal(reason))),
    note: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
  },
  { additionalProperties: false },
);
const OrgParams = Type.Object({ etcOrgNo: Type.String({ maxLength: 64 }) });
const Import = Type.Union([
  Type.Object(
    {
      pkcs12_file: Type.String({ minLength: 1, maxLength: 100 }),
      passphrase: Passphrase,
      keep_in_file: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      pkcs11: Type.String({ minLength: 1, maxLength: 500 }),
      certificates: Type.String({ minLength: 1, maxLength: 64 * 1024 }),
    },
    { additionalProperties: false },
  ),
]);
const ROWS_DEFAULT = 50;

function presentCertificate(record: CertificateRecord): Record<string, unknown> {
  return {
    serial_number: record.serial_number,
    app_id: record.app_id,
    holder_kind: record.holder_kind,
    holder: record.holder_key,
    name: record.holder_name,
    issuer: record.authority_id ?? 'imported',
    key: record.key_algorithm,
    key_store: record.key_store,
    key_reference: record.key_reference,
    not_before: record.not_before,
    not_after: record.not_after,
    state: record.revoked_at !== null ? 'revoked' : record.superseded_at !== null ? 'replaced' : 'current',
    revoked_at: record.revoked_at,
    created_at: record.created_at,
  };
}

/** `/trust`: the authorities and where the root's key is, certificates of holders, certificates of other authorities. */
export function registerTrustRoutes(admin: AdminServer, { trust, parties }: { trust: Trust; parties: Parties }): void {
  const authorities = async (): Promise<Record<string, unknown>> => ({
    authorities: (await trust.authorities()).map((row) => ({
      authority_id: row.authority_id,
      issuer: row.issuer_id,
      key: row.key_algorithm,
      has_key: row.has_key,
      not_after: row.not_after,
      state: row.revoked_at !== null ? 'revoked' : row.superseded_at !== null ? 'replaced' : 'current',
    })),
  });
  const actor = OPERATOR;

  admin.get('/trust/authorities', authorities);
  admin.get('/trust/root', async () => ({ certificate: await trust.rootCertificatePem() }));
  admin.post('/trust/root/export', { schema: { body: Export } }, async ({ body }) =>
    trust.custody.exportRoot({ passphrase: body.passphrase, actor }),
  );
  admin.post('/trust/root/take-out', { schema: { body: RootFile } }, async ({ body }) => {
    await trust.custody.takeOutRoot({ ...body, actor });
    return authorities();
  });
  admin.post('/trust/root/bring-back', { schema: { body: RootFile } }, async ({ body }) => {
    await trust.custody.bringBackRoot({ ...body, actor });
    return authorities();
  });
  admin.post('/trust/root/renewal', async () => {
    await trust.custody.renewRoot({ actor });
    return authorities();
  });
  admin.post('/trust/root/list', { schema: { body: OptionalRootFile } }, async ({ body }) => {
    const file = body.root_file === undefined ? {} : { rootFile: body.root_file };
    const { nextUpdate } = await trust.custody.renewRootList({ ...file, actor });
    return { next_update: nextUpdate };
  });
  admin.post('/trust/issuing/renewal', { schema: { body: Renewal } }, async ({ body }) => {
    await trust.custody.renewIssuing({
      ...(body.root_file !== undefined && { rootFile: body.root_file }),
      ...(body.revoke !== undefined && { revoke: body.revoke }),
      actor,
    });
    return authorities();
  });

  admin.get('/trust/certificates', { schema: { querystring: Filter } }, async ({ query }) => {
    const found = await trust.certificates({
      ...(query.app_id !== undefined && { appId: query.app_id }),
      ...(query.holder !== undefined && { holderKey: query.holder }),
      limit: query.limit ?? ROWS_DEFAULT,
    });
    return { certificates: found.map(presentCertificate) };
  });

  const revocation = { schema: { params: CertificateParams, body: Revocation } };
  admin.post('/trust/certificates/:serialNumber/revocation', revocation, async ({ params, body }) => {
    const serialNumber = params.serialNumber.toLowerCase();
    const { reason, note } = body;
    return presentCertificate(await trust.revocation.revokeCertificate({ serialNumber, reason, note, actor }));
  });

  admin.put('/trust/companies/:etcOrgNo', { schema: { params: OrgParams, body: Import } }, async ({ params, body }) => {
    const { etcOrgNo } = params;
    const org = await parties.showOrg(etcOrgNo);
    if (org === undefined) throw new DomainError('org_not_found', { etcOrgNo });
    const source: KeySource =
      'pkcs11' in body
        ? { kind: 'pkcs11', reference: body.pkcs11, certificatesPem: body.certificates }
        : {
            kind: 'pkcs12',
            fileName: body.pkcs12_file,
            passphrase: body.passphrase,
            keepInFile: body.keep_in_file ?? false,
          };
    const command = { appId: org.appId, etcOrgNo, companyName: org.orgName, source, actor };
    return presentCertificate(await trust.companies.importCompanyCertificate(command));
  });

  admin.delete('/trust/companies/:etcOrgNo', { schema: { params: OrgParams } }, async ({ params: { etcOrgNo } }) => {
    const org = await parties.showOrg(etcOrgNo);
    if (org === undefined) throw new DomainError('org_not_found', { etcOrgNo });
    await trust.companies.releaseCompanyCertificate({ appId: org.appId, etcOrgNo, actor });
    return { etc_org_no: etcOrgNo, released: true };
  });
}
