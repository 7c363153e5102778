import { compareOrganization, comparePerson, saveOrgAuthInfo } from './compare.ts';
import { SWEEP_EVERY_MS, type IdentityContext, type IdentityDependencies } from './context.ts';
import { detail, outline } from './detail.ts';
import type { Identity } from './identity.ts';
import { acceptLetter, letterTemplate, openLetter, refuseLetter, submitLetter } from './letter.ts';
import { chooseSeal, consentSilentSigning, sealPicture, startForMember } from './member.ts';
import { memberToken, MEMBER_TOKEN_LIFE_MS, openMemberToken } from './member-token.ts';
import { memberView, memberWithOrg } from './member-view.ts';
import { cancel, list, show } from './operator.ts';
import { createPaymentListener } from './payment-arrived.ts';
import { transferProcess, transferRandomAmount, verifyRandomAmount } from './random-transfer.ts';
import { importRegister, importSubbranches } from './register.ts';
import { reversePayment, reversePaymentProcess } from './reverse-payment.ts';
import { startForAccount, startOrganization } from './start.ts';
import { subbranches } from './subbranches.ts';
import { sweep } from './sweep.ts';

/** Makes identity and hands its sweep to `jobs`, which must not have started yet. */
export function createIdentity(dependencies: IdentityDependencies): Identity {
  const context: IdentityContext = dependencies;
  const { clock, vault, jobs } = context;
  const tokenKey = vault.deriveKey('etc-token');
  jobs.every('identity.sweep', SWEEP_EVERY_MS, () => sweep(context));

  return {
    startOrganization: (command) => startOrganization(context, command),
    startForAccount: (command) => startForAccount(context, command),
    reversePayment: (command) => reversePayment(context, command),
    reversePaymentProcess: (key) => reversePaymentProcess(context, key),
    letterTemplate: (key) => letterTemplate(context, key),
    submitLetter: (command) => submitLetter(context, command),
    transferRandomAmount: (command) => transferRandomAmount(context, command),
    verifyRandomAmount: (command) => verifyRandomAmount(context, command),
    transferProcess: (key) => transferProcess(context, key),
    subbranches: (query) => subbranches(context, query),
    detail: (key) => detail(context, key),
    outline: (key) => outline(context, key),
    compareOrganization: (factors) => compareOrganization(context, factors),
    comparePerson: async (person) => comparePerson(person),
    saveOrgAuthInfo: (command) => saveOrgAuthInfo(context, command),
    async memberToken(member) {
      await memberWithOrg(context, member);
      const expiresAt = new Date(clock.now().getTime() + MEMBER_TOKEN_LIFE_MS);
      return { token: memberToken(member, expiresAt, tokenKey), expiresAt };
    },
    openToken: async (token) => openMemberToken(token, clock.now(), tokenKey),
    memberView: (member) => memberView(context, member),
    startForMember: (command) => startForMember(context, command),
    sealPicture: (seal) => sealPicture(context, seal),
    chooseSeal: (command) => chooseSeal(context, command),
    consentSilentSigning: (command) => consentSilentSigning(context, command),
    list: (filter) => list(context, filter),
    show: (key, reveal) => show(context, key, reveal),
    cancel: (act) => cancel(context, act),
    openLetter: (act) => openLetter(context, act),
    acceptLetter: (act) => acceptLetter(context, act),
    refuseLetter: (act) => refuseLetter(context, act),
    importRegister: (command) => importRegister(context, command),
    importSubbranches: (command) => importSubbranches(context, command),
    sweep: () => sweep(context),
    paymentListener: createPaymentListener(context),
  };
}
