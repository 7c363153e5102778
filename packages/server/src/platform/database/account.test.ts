import { expect, test } from 'vitest';

import { parsePasswd, unprivilegedAccount } from './account.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin

+::::::
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
mei:x:1000:1001:梅,,,:/home/mei:/bin/bash
`;
const accounts = parsePasswd(PASSWD);
const postgres = { name: 'postgres', uid: 101, gid: 104 };

test('accounts are read from passwd, other lines are not', () => {
  expect(accounts.map(({ name }) => name)).toEqual(['root', 'daemon', 'nobody', 'mei']);
  expect(accounts.at(-1)).toEqual({ name: 'mei', uid: 1000, gid: 1001 });
});

test('who owns the cluster runs its server, then who owns the data directory', () => {
  expect(unprivilegedAccount([1000, 0], accounts)?.name).toBe('mei');
  expect(unprivilegedAccount([65_534, 1000], accounts)?.name).toBe('nobody');
});

test('where root owns all it is postgres, and without such an account nobody', () => {
  expect(unprivilegedAccount([0], [...accounts, postgres])).toEqual(postgres);
  expect(unprivilegedAccount([0], accounts)?.name).toBe('nobody');
  expect(unprivilegedAccount([0], parsePasswd('root:x:0:0::/root:/bin/sh'))).toBeUndefined();
});

test('an owner without an account is passed over: initdb would not find its name', () => {
  expect(unprivilegedAccount([4242, 0], accounts)?.name).toBe('nobody');
});

test('an account with the id of root is never chosen', () => {
  expect(unprivilegedAccount([0], parsePasswd('postgres:x:0:0::/:/bin/sh'))).toBeUndefined();
});
