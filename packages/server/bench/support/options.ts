import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

type Value = number | string | boolean;

/** An option of a benchmark, `--name VALUE` or, where its default is false, `--name`; a number's default makes it a number. */
export interface Option<Of> {
  readonly default: Of;
  readonly text: string;
}

/**
 * Reads the options of a benchmark. Null where nothing is to be run: `--help` was answered, or a fault was told.
 *
 * @example readOptions(args, 'relay: what storage costs', { rounds: { default: 5, text: 'rounds of each' } })
 */
export function readOptions<Values extends Record<string, Value>>(
  args: readonly string[],
  about: string,
  options: { readonly [Name in keyof Values]: Option<Values[Name]> },
): Values | null {
  const specified: [string, Option<Value>][] = Object.entries(options);
  const config: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } };
  for (const [name, { default: fallback }] of specified) {
    config[name] = { type: typeof fallback === 'boolean' ? 'boolean' : 'string' };
  }
  try {
    const { values } = parseArgs({ args: [...args], options: config, strict: true });
    if (values['help'] === true) {
      console.log(usage(about, options));
      return null;
    }
    const read = specified.map(([name, option]) => [name, valueOf(name, option.default, values[name])]);
    return Object.fromEntries(read) as Values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage(about, options)}\n`);
    process.exitCode = 1;
    return null;
  }
}

function valueOf(name: string, fallback: Value, given: unknown): Value {
  if (typeof given === 'boolean') return given;
  if (typeof given !== 'string') return fallback;
  if (typeof fallback === 'string') return given;
  const value = Number(given);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
  return value;
}

function usage(about: string, options: Readonly<Record<string, Option<Value>>>): string {
  const lines = Object.entries(options).map(([name, { default: fallback, text }]) => {
    const shown = fallback === '' || fallback === false ? '' : ` (default: ${fallback})`;
    const value = { number: ' N', string: ' TEXT', boolean: '' }[typeof fallback as 'number' | 'string' | 'boolean'];
    return `  --${(name + value).padEnd(22)}${text}${shown}`;
  });
  return [about, '', 'Options:', ...lines, `  --${'help'.padEnd(22)}print this`].join('\n');
}

/** Tells how far a benchmark is, beside its results. */
export function progress(text: string): void {
  process.stderr.write(`… ${text}\n`);
}
