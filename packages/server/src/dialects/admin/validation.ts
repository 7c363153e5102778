/** One complaint of Fastify's validator (Ajv): where in the part, which rule, and the rule's own figures. */
interface Complaint {
  instancePath: string;
  keyword: string;
  params: Readonly<Record<string, unknown>>;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a JSON object',
  null: 'null',
};

const FORMAT_WORDS: Readonly<Record<string, string>> = {
  uuid: 'a UUID such as 01a1ffe3-82cf-7c7b-990f-0ec0c8b40f9a',
  'date-time': 'a time with zone such as 2026-03-22T18:00:00+08:00',
};

/** What an administrator is told of a request that does not fit its schema: the field, and what would be right. */
export function complaintMessage(complaints: readonly unknown[]): string {
  const known = complaints.filter(isComplaint);
  // The last one speaks of the whole field where several forms were tried.
  const last = known.at(-1);
  if (last === undefined) return 'the request does not fit';
  const inner = last.params['missingProperty'] ?? last.params['additionalProperty'];
  const path = last.instancePath.split('/').slice(1);
  const field = [...path, ...(typeof inner === 'string' ? [inner] : [])].join('.');
  return `${field === '' ? 'the body' : field} ${rightFor(last, known)}`;
}

function isComplaint(value: unknown): value is Complaint {
  return typeof value === 'object' && value !== null && 'keyword' in value && 'instancePath' in value;
}

function rightFor(last: Complaint, all: readonly Complaint[]): string {
  const { keyword, params } = last;
  const limit = String(params['limit']);
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is not known here';
    case 'type':
      return `must be ${TYPE_WORDS[String(params['type'])] ?? String(params['type'])}`;
    case 'format':
      return `must be ${FORMAT_WORDS[String(params['format'])] ?? String(params['format'])}`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'minLength':
    case 'pattern':
      return 'must not be empty or blank';
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'maxItems':
      return `must have at most ${limit} items`;
    case 'const':
      return `must be ${String(params['allowedValue'])}`;
    case 'anyOf':
      return `must be ${formsOf(last, all)}`;
    default:
      return 'is not right';
  }
}

function formsOf(last: Complaint, all: readonly Complaint[]): string {
  const allowed = all.filter(({ keyword, instancePath }) => keyword === 'const' && instancePath === last.instancePath);
  if (allowed.length > 0) return `one of ${allowed.map(({ params }) => String(params['allowedValue'])).join(', ')}`;
  return 'one of the forms that `yinxin openapi` describes';
}

/** Whether a text of the value, or a name in it, holds NUL: PostgreSQL stores none. */
export function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, inner]) => name.includes('\0') || holdsNul(inner));
}
