/**
 * A node as `node.ts` starts one, which kills itself at a step of an upgrade: at so many steps after the first upgrade
 * began. Arguments: its name, the site's terms as JSON, that number; without one it lives.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { SiteTerms } from './site.ts';

enableCompileCache(fileURLToPath(new URL('../../../../../.runtime/compile-cache', import.meta.url)));
process.on('disconnect', () => process.exit(1));
const { openSigningSite } = await import('./site.ts');
const [name = '', terms = '', stepsLeft = ''] = process.argv.slice(2);
let left = stepsLeft === '' ? Number.POSITIVE_INFINITY : Number(stepsLeft);
let hasBegun = false;
const site = await openSigningSite(JSON.parse(terms) as SiteTerms, name, (step) => {
  hasBegun ||= step === 'upgrade-begins';
  if (!hasBegun) return;
  left -= 1;
  if (left > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // Not one more line is run, even where the signal takes a moment.
  for (;;);
});
await site.jobs.start();
process.send?.('ready');
