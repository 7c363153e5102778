import type { CompanyField, CompanyForm, FieldProblem } from '../../server/src/dialects/member/contract.ts';

/** `length`: a code that is not 18 characters long; the page says how long it is. */
export type CompanyProblems = Partial<Record<CompanyField, FieldProblem | 'length' | undefined>>;

/** Registration numbers from before 2015 have 15 digits and are still on some licences. */
const CODE_LENGTHS: ReadonlySet<number> = new Set([18, 15]);

/** What nobody means to type: spaces around, spaces within a code, a code in small or full-width letters. */
export function tidyCompany({ orgName, orgCode, legalRepName }: CompanyForm): CompanyForm {
  return {
    orgName: orgName.trim(),
    orgCode: orgCode.normalize('NFKC').replaceAll(/[\s-]/g, '').toUpperCase(),
    legalRepName: legalRepName.trim(),
  };
}

/** What can be told before asking the service, which checks everything again and more. */
export function checkCompany(form: CompanyForm): CompanyProblems {
  const problems: CompanyProblems = {};
  for (const field of ['orgName', 'orgCode', 'legalRepName'] as const) {
    if (form[field] === '') problems[field] = 'required';
  }
  if (problems.orgCode === undefined) {
    if (!/^[0-9A-Z]*$/.test(form.orgCode)) problems.orgCode = 'format';
    else if (!CODE_LENGTHS.has(form.orgCode.length)) problems.orgCode = 'length';
  }
  return problems;
}
