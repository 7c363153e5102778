import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import type { JsonMember } from '../../../platform/json-text.ts';
import { FORM, GatewayRefusal } from './answers.ts';

/**
 * The words of the schemas of this gateway's parameters, a small part of JSON Schema. Beyond it, `expected` says in
 * Chinese what would have been right, and the `or…` marks admit what clients in the field send instead.
 */
interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly expected?: string;
  readonly orNumber?: boolean;
  readonly orOne?: boolean;
}

/** Text of at most `charactersMax` characters, counted as code points. */
export function text(charactersMax: number) {
  return Type.String({ maxLength: charactersMax, expected: `不超过${charactersMax}个字符的字符串` });
}

/** Text of a form; `expected` says which, as it follows 应为. */
export function textLike(pattern: string, expected: string, charactersMax = 128) {
  return Type.String({ maxLength: charactersMax, pattern, expected });
}

/** Text of a form that clients also send as a JSON number: it is read as that number's digits. */
export function digitsLike(pattern: string, expected: string) {
  return Type.String({ maxLength: 64, pattern, expected, orNumber: true });
}

/** One of a few words. */
export function oneOf<const Values extends readonly string[]>(values: Values, orNumber = false) {
  return Type.Unsafe<Values[number]>(
    Type.String({ enum: [...values], expected: `${values.join('、')}之一`, orNumber }),
  );
}

/** True or false, also as the words. */
export function flag() {
  return Type.Boolean({ expected: 'true或false' });
}

/** An array; one bare object stands for an array of one. */
export function oneOrMore<Item extends TSchema>(item: Item) {
  return Type.Array(item, { orOne: true, expected: '对象或对象数组' });
}

/** An http or https URL. No backslash: parsers differ on it, so nothing is ever sent to such a URL. */
export function webUrl(charactersMax: number) {
  const expected = `不超过${charactersMax}个字符的http(s)地址`;
  return Type.String({ maxLength: charactersMax, pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s\\\\]+$', expected });
}

/**
 * Reads a command's parameters by its schema. Fields that the schema does not name are dropped: clients in the field
 * send more than the contract has. An optional field that is null or blank is absent; a required one is a fault.
 *
 * @throws GatewayRefusal 400 that names the field by its path, such as `signers.signerAccount[0].mobile`
 */
export function readParameters<Schema extends TSchema>(schema: Schema, members: readonly JsonMember[]): Static<Schema> {
  const given: Record<string, unknown> = Object.create(null);
  for (const member of members) given[member.key] = member.value;
  return readNode(schema, given, '') as Static<Schema>;
}

function readNode(node: Node, value: unknown, path: string): unknown {
  if (node.type === 'object') return readObject(node, value, path);
  if (node.type === 'array') return readArray(node, value, path);
  if (node.type === 'boolean') return readFlag(node, value, path);
  return readText(node, value, path);
}

function readObject(node: Node, value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(node, path, 'JSON对象');
  const read: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    const innerPath = path === '' ? name : `${path}.${name}`;
    const given: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
    if (isAbsent(given)) {
      if (node.required?.includes(name) === true) throw new GatewayRefusal(FORM.empty(innerPath));
    } else {
      read[name] = readNode(inner, given, innerPath);
    }
  }
  return read;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

function readArray(node: Node, value: unknown, path: string): unknown[] {
  const isBareObject = node.orOne === true && typeof value === 'object' && value !== null && !Array.isArray(value);
  const items: unknown = isBareObject ? [value] : value;
  if (!Array.isArray(items)) throw wrong(node, path, '数组');
  const { items: item = {} } = node;
  return items.map((inner: unknown, index) => readNode(item, inner, `${path}[${index}]`));
}

function readFlag(node: Node, value: unknown, path: string): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw wrong(node, path, 'true或false');
}

function readText(node: Node, value: unknown, path: string): string {
  const textValue = node.orNumber === true && typeof value === 'number' ? String(value) : value;
  if (typeof textValue !== 'string') throw wrong(node, path, '字符串');
  // What PostgreSQL cannot store, what has no UTF-8, and what would break a line of a log or of a seal.
  if (!textValue.isWellFormed() || CONTROL_CHARACTER.test(textValue)) {
    throw new GatewayRefusal(FORM.wrong(path, '不含控制字符的文本'));
  }
  // The length comes first: a pattern may take time by the square of what it is given.
  if (node.maxLength !== undefined && isLonger(textValue, node.maxLength)) throw wrong(node, path, '合法的值');
  const misshapen = node.pattern !== undefined && !new RegExp(node.pattern, 'u').test(textValue);
  const unknown = node.enum !== undefined && !node.enum.includes(textValue);
  if (misshapen || unknown) throw wrong(node, path, '合法的值');
  return textValue;
}

/** Counted in code points, of which a UTF-16 text has at least half as many as units. */
function isLonger(value: string, charactersMax: number): boolean {
  if (value.length <= charactersMax) return false;
  return value.length > 2 * charactersMax || Array.from(value).length > charactersMax;
}

const CONTROL_CHARACTER = /\p{Cc}/u;

function wrong(node: Node, path: string, otherwise: string): GatewayRefusal {
  return new GatewayRefusal(FORM.wrong(path, node.expected ?? otherwise));
}
