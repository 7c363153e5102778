import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const source = 'packages/server/src';

const oneWay = 'Imports run one way';
const byIndex = 'A capability is met only through its index.ts.';
const platformOnly = 'platform imports nothing of the house but platform.';
const httpOnly = 'http imports platform only.';
const noESign = 'relay knows no e-sign word.';
const noDetour = 'Write the path without detours';
const belowRoot = 'A dialect is below the composition root';

/** file, what it says, the message it must draw (null: it is allowed) */
const planted: [file: string, text: string, message: string | null][] = [
  ['platform/a.ts', "export * from '../relay/index.ts';", platformOnly],
  ['platform/database/a.ts', "export type { X } from '../../http/server.ts';", platformOnly],
  ['platform/b.ts', "export * from '../app.ts';", platformOnly],
  ['platform/a.test.ts', "export * from '../signing/index.ts';", platformOnly],
  ['platform/database/b.ts', "export * from '../errors.ts';", null],
  ['http/a.ts', "export * from '../apps/index.ts';", httpOnly],
  ['http/b.ts', "export * from '../dialects/etc/routes.ts';", httpOnly],
  ['http/c.ts', "export * from '../platform/errors.ts';", null],
  ['signing/a.ts', "export * from '../http/server.ts';", oneWay],
  ['signing/b.ts', "export * from '../dialects/etc/index.ts';", oneWay],
  ['signing/c.ts', "import type { X } from '../documents/store.ts';\nexport type Y = X;", byIndex],
  ['signing/d.ts', "export const load = () => import('../documents/pdf/parser.ts');", byIndex],
  ['signing/pdf/e.ts', "export * from '../../seals/store.ts';", byIndex],
  ['signing/f.ts', "export * from '../documents/index.ts';\nexport * from '../platform/errors.ts';", null],
  ['signing/g.ts', "export * from './http/notes.ts';\nexport * from './seals/notes.ts';", null],
  ['validation/a.ts', "export * from '../documents/pdf/parser.ts';", byIndex],
  ['validation/b.ts', "export * from '../documents/index.ts';", null],
  ['signing/h.ts', "export * from './../http/server.ts';", oneWay],
  ['signing/i.ts', "export * from './pdf/../../seals/store.ts';", noDetour],
  ['apps/a.ts', "export * from '../cli/run.ts';", oneWay],
  ['apps/c.ts', "export * from '../service/address.ts';", oneWay],
  ['jobs/a.ts', "export * from '../main.ts';", oneWay],
  ['apps/b.ts', "export * from './app.ts';", null],
  ['relay/a.ts', "export * from '../signing/index.ts';", noESign],
  ['relay/b.ts', "export * from '../notify/index.ts';", noESign],
  ['relay/g.ts', "export * from '../subscriptions/index.ts';", noESign],
  ['subscriptions/a.ts', "export * from '../dialects/etc/index.ts';", oneWay],
  ['subscriptions/b.ts', "export * from '../relay/store.ts';", byIndex],
  ['subscriptions/c.ts', "export * from '../relay/index.ts';\nexport * from '../audit/index.ts';", null],
  ['relay/c.ts', "export * from '../audit/store.ts';", byIndex],
  ['relay/d.ts', "export * from '../http/server.ts';", oneWay],
  ['relay/a.test.ts', "export * from '../parties/index.ts';", noESign],
  ['relay/e.ts', "export * from '../audit/index.ts';\nexport * from '../platform/errors.ts';", null],
  ['dialects/etc/a.ts', "export * from '../../signing/commands.ts';", byIndex],
  ['dialects/etc/b.ts', "export * from '../../app.ts';", belowRoot],
  [
    'dialects/etc/c.ts',
    "export * from '../../signing/index.ts';\nexport * from '../../http/server.ts';\nexport * from '../../platform/errors.ts';\nexport * from '../etc/routes.ts';",
    null,
  ],
  ['cli/a.ts', "export * from '../relay/store.ts';", byIndex],
  ['demo/a.ts', "export * from '../relay/store.ts';", byIndex],
  ['service/a.ts', "export * from '../relay/store.ts';", byIndex],
  ['main.ts', "export * from './app.ts';\nexport * from './platform/errors.ts';", null],
  ['app.ts', "export * from './relay/store.ts';\nexport * from './dialects/etc/routes.ts';", null],
  ['platform/config.ts', 'export const port = process.env.PORT;', null],
  ['relay/environment.ts', 'export const port = process.env.PORT;', 'process.env'],
  ['relay/long.ts', `${'// a line\n'.repeat(400)}export const last = 1;`, 'max-lines'],
  ['relay/fits.ts', `${'// a line\n'.repeat(399)}export const last = 1;`, null],
];

interface Diagnostic {
  filename: string;
  code: string;
  message: string;
  help?: string;
}

describe('import rules of the house', () => {
  let folder: string;
  let found: Map<string, string[]>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'yinxin-import-rules-'));
    await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const [file, text] of planted) {
      const path = join(folder, source, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${text}\n`);
    }
    found = await lint(folder);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  for (const [file, text, message] of planted) {
    const what = text.length < 200 ? text.replaceAll('\n', ' ') : 'length';
    it(`${message === null ? 'lets' : 'stops'} ${file}: ${what}`, () => {
      const messages = found.get(`${source}/${file}`) ?? [];
      if (message === null) expect(messages).toEqual([]);
      else expect(messages.join('\n')).toContain(message);
    });
  }

  it('name every folder of the sources', async () => {
    const rules = await readFile(join(root, '.oxlintrc.json'), 'utf8');
    const entries = await readdir(join(root, source), { withFileTypes: true });
    const unnamed = entries
      .filter((entry) => entry.isDirectory() && !rules.includes(`"${source}/${entry.name}/**"`))
      .map(({ name }) => name);
    expect(unnamed).toEqual([]);
  });
});

/** Lints a folder without type information; messages by file. */
async function lint(cwd: string): Promise<Map<string, string[]>> {
  const bin = join(root, 'node_modules/oxlint/bin/oxlint');
  const output = await new Promise<string>((resolve) => {
    const options = { cwd, maxBuffer: 16_777_216 };
    execFile(process.execPath, [bin, '--format=json', 'packages'], options, (_error, stdout) => resolve(stdout));
  });
  const { diagnostics } = JSON.parse(output) as { diagnostics: Diagnostic[] };
  const byFile = new Map<string, string[]>();
  for (const { filename, code, message, help = '' } of diagnostics) {
    byFile.set(filename, [...(byFile.get(filename) ?? []), `${code}: ${message} ${help}`]);
  }
  return byFile;
}
