#!/usr/bin/env node
// `npx yinxin …`: the command line. In a checkout the sources run as they are, under the pinned
// Node.js where this one is too old for them; a published package carries dist/ instead.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/main.ts', import.meta.url);

if (existsSync(source)) {
  const { ensureRuntime, isRecentNode } = await import('../../../bootstrap/runtime.mjs');
  const { ensureDependencies } = await import('../../../bootstrap/dependencies.mjs');
  const { toldFault } = await import('../../../bootstrap/fault.mjs');
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  try {
    // As the first command of a fresh clone too, and after a pull that brought other packages.
    const node = await ensureRuntime(root);
    await ensureDependencies(root);
    if (isRecentNode(process.versions.node)) {
      await import(source.href);
    } else {
      const { endLike, runChild } = await import('../../../bootstrap/child.mjs');
      endLike(await runChild(node, [fileURLToPath(source), ...process.argv.slice(2)], {}));
    }
  } catch (error) {
    const told = toldFault(error);
    if (told === undefined) throw error;
    process.stderr.write(`\n${told}\n`);
    process.exitCode = 1;
  }
} else if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import(new URL('../dist/main.js', import.meta.url).href);
} else {
  process.stderr.write(`yinxin needs Node.js 24 or newer; this is ${process.version}.\n`);
  process.exitCode = 1;
}
