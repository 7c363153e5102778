import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerMemberApi, type MemberApiDependencies } from '../../src/dialects/member/index.ts';
import type { MemberIdentity } from '../../src/dialects/member/api-routes.ts';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { MemberFlow, MemberVerification } from '../../src/identity/index.ts';
import { isSocialCreditCode } from '../../src/parties/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { createLog } from '../../src/platform/log.ts';
import { createSeals, SEAL_VARIANTS, type SealVariant } from '../../src/seals/index.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE_FOLDER = fileURLToPath(new URL('../../../web/dist/', import.meta.url));
export const NOW = new Date('2026-11-21T08:00:00.000Z');
export const COMPANY = '杭州示例置业有限公司';
export const CODE = '91350100M000100Y43';

/** Identity as the page sees it, with a bank that the test plays. Seals are drawn by the capability itself. */
export interface StagedIdentity extends MemberIdentity {
  /** Tokens are `token-of-NAME`; each member has a verification of its own. */
  verificationOf(name: string): Staged;
  /** Everything that was commanded, in order. */
  readonly commands: { command: string; member: string; detail: object }[];
}

export interface Staged {
  view: MemberVerification;
  bank(change: Partial<MemberFlow>): void;
  pay(): void;
}

function newVerification(): MemberVerification {
  return {
    appName: '示例房产平台',
    memberName: '王小明',
    company: { orgName: COMPANY, orgCode: null, legalRepName: null },
    isBankAvailable: true,
    flow: null,
    verifiedAt: null,
    seals: [],
    silentSigningConsentedAt: null,
    certificate: null,
  };
}

export function stageIdentity(): StagedIdentity {
  const seals = createSeals({ clock: { now: () => NOW } });
  const staged = new Map<string, Staged>();
  const commands: StagedIdentity['commands'] = [];

  function verificationOf(name: string): Staged {
    const known = staged.get(name);
    if (known !== undefined) return known;
    const made: Staged = {
      view: newVerification(),
      bank(change) {
        if (made.view.flow === null) throw new Error('no flow is under way');
        made.view = { ...made.view, flow: { ...made.view.flow, ...change } };
      },
      pay() {
        const payment = {
          payerName: COMPANY,
          payerAccountNo: '1105********0018',
          tradedAt: NOW,
          bizFlowNo: '218540111110042471328',
        };
        made.bank({ process: 'ORGANFINISHED', state: 'verified', failure: null, inReviewSince: null, payment });
        made.view = {
          ...made.view,
          verifiedAt: NOW,
          seals: SEAL_VARIANTS.map((variant) => ({ variant, isChosen: variant === 'plain' })),
        };
      },
    };
    staged.set(name, made);
    return made;
  }

  return {
    verificationOf,
    commands,

    async openToken(token) {
      if (token === 'expired') throw new DomainError('member_token_expired');
      const name = /^token-of-(\w+)$/.exec(token)?.[1];
      if (name === undefined) throw new DomainError('member_token_invalid');
      return { appId: 'APP', etcMemberNo: name };
    },

    async memberView({ etcMemberNo }) {
      return verificationOf(etcMemberNo).view;
    },

    async startForMember({ etcMemberNo, company, ...rest }) {
      commands.push({ command: 'startForMember', member: etcMemberNo, detail: { company, actor: rest.actor } });
      const verification = verificationOf(etcMemberNo);
      if (!verification.view.isBankAvailable) throw new DomainError('no_bank_channel');
      if (company.orgCode.length === 18 && !isSocialCreditCode(company.orgCode)) {
        throw new DomainError('identity_invalid', { field: 'orgCode', reason: 'check_digit' });
      }
      const flow: MemberFlow = {
        flowId: '4567890123456789',
        process: 'CREATED',
        state: 'open',
        expiresAt: new Date(NOW.getTime() + 7 * 86_400_000),
        payTo: {
          accountName: '杭州天谷信息科技有限公司',
          accountNo: '30206857000001',
          bankName: '平安银行杭州西湖支行',
          amountFen: 1,
        },
        failure: null,
        inReviewSince: null,
        bankAskedAt: null,
        payment: null,
      };
      verification.view = { ...verification.view, company, flow };
    },

    async sealPicture({ etcMemberNo, variant }) {
      const { company, verifiedAt } = verificationOf(etcMemberNo).view;
      if (verifiedAt === null) throw new DomainError('not_verified');
      const known = SEAL_VARIANTS.find((name) => name === variant);
      if (known === undefined) throw new DomainError('seal_variant_unknown', { variant });
      return seals.variantImage({ companyName: company.orgName, code: company.orgCode }, known satisfies SealVariant);
    },

    async chooseSeal({ etcMemberNo, variant, actor }) {
      commands.push({ command: 'chooseSeal', member: etcMemberNo, detail: { variant, actor } });
      const verification = verificationOf(etcMemberNo);
      const choices = verification.view.seals.map((seal) => ({ ...seal, isChosen: seal.variant === variant }));
      verification.view = { ...verification.view, seals: choices };
    },

    async consentSilentSigning({ etcMemberNo, textVersion, actor }) {
      commands.push({ command: 'consentSilentSigning', member: etcMemberNo, detail: { textVersion, actor } });
      const verification = verificationOf(etcMemberNo);
      verification.view = {
        ...verification.view,
        silentSigningConsentedAt: NOW,
        certificate: {
          subject: COMPANY,
          issuer: 'Yinxin Root CA',
          serialNumber: '5f0c3a9e1b7d42688e21c4f0a6d3b9117c5e2a40',
          notBefore: NOW,
          notAfter: new Date('2029-11-21T08:00:00.000Z'),
        },
      };
    },
  };
}

export interface MemberPage<PageIdentity extends MemberIdentity> {
  server: FastifyInstance;
  identity: PageIdentity;
  url: string;
  time: { now: Date };
  stop(): Promise<void>;
}

interface MemberPageOptions {
  pageFolder?: string;
  baseUrl?: string;
  limits?: MemberApiDependencies['limits'];
}

/** The page on a real socket; it is built first where its sources changed. */
export async function startMemberPage<PageIdentity extends MemberIdentity>(
  identity: PageIdentity,
  options: MemberPageOptions = {},
): Promise<MemberPage<PageIdentity>> {
  if (options.pageFolder === undefined) await ensurePage(ROOT, process.execPath);
  const time = { now: NOW };
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  let url = '';
  registerMemberApi(server, {
    identity,
    clock: { now: () => time.now },
    sessionKey: Buffer.alloc(32, 3),
    baseUrl: () => options.baseUrl ?? url,
    // The clock stands, and what it would bring back stays away.
    limits: options.limits ?? { unprovenPerSecondPerAddressMax: 10_000, requestsPerSecondPerMemberMax: 10_000 },
  });
  registerPageRoutes(server, { pageFolder: options.pageFolder ?? PAGE_FOLDER });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return { server, identity, url, time, stop: () => server.close() };
}
