/**
 * A node that signs, in a process of its own, to be killed. Arguments: its name, the site's terms as JSON, the step at
 * which it kills itself, and at which time that it comes there. It ends with the process that started it.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { SiteTerms } from './site.ts';

enableCompileCache(fileURLToPath(new URL('../../../../../.runtime/compile-cache', import.meta.url)));
process.on('disconnect', () => process.exit(1));
const { openSigningSite } = await import('./site.ts');
const [name = '', terms = '', deadlyStep = '', time = '1'] = process.argv.slice(2);
let timesLeft = Number(time);
const site = await openSigningSite(JSON.parse(terms) as SiteTerms, name, (step) => {
  if (step !== deadlyStep) return;
  timesLeft -= 1;
  if (timesLeft > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // Not one more line is run, even where the signal takes a moment.
  for (;;);
});
await site.jobs.start();
process.send?.('ready');
