import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeRoutes } from '../../src/service/openapi.ts';

test('openapi.json is what the routes say; `npx yinxin openapi > openapi.json` makes it anew', async () => {
  const committed = JSON.parse(await readFile(new URL('../../../../openapi.json', import.meta.url), 'utf8')) as {
    info: { version: string };
  };
  const described = await describeRoutes(committed.info.version);
  expect(JSON.parse(JSON.stringify(described))).toEqual(committed);
});
