import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Answers lookups of some names itself, as a name server would whose answers change; every other name goes to the
 * system. To be called before the module that looks names up is loaded.
 *
 * @returns sets the address of a name from now on
 */
export function installNameAnswers(): (name: string, address: string) => void {
  const answers = new Map<string, string>();
  const bySystem = dns.lookup;
  const lookup = async (name: string, options: object): Promise<unknown> => {
    const address = answers.get(name);
    if (address === undefined) return bySystem(name, options);
    const found = { address, family: 4 };
    return 'all' in options && options.all === true ? [found] : found;
  };
  Object.assign(dns, { lookup });
  syncBuiltinESMExports();
  return (name, address) => void answers.set(name, address);
}
