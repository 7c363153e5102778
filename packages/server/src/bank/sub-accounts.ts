import type { Clock } from '../platform/clock.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { BankErrorCode, SubAccount, SubAccountOwner } from './bank.ts';
import { findChannels, lockChannel } from './channel-store.ts';
import { findOwned, makeNumbers, takeFree } from './sub-account-store.ts';

/**
 * A number for a flow, from the first channel that has one. A number that nobody ever had is preferred to one that has
 * cooled down: the longer ago its last flow, the fewer payments meant for that one still come.
 */
export async function allocateSubAccount(clock: Clock, tx: Transaction, owner: SubAccountOwner): Promise<SubAccount> {
  const present = await findOwned(tx, owner);
  if (present !== undefined) return present;
  const channels = (await findChannels(tx)).filter((channel) => channel.enabled);
  if (channels.length === 0) throw new DomainError<BankErrorCode>('no_bank_channel');
  for (const { channel, numbers, mainAccountName, mainAccountBank, mainAccountNo } of channels) {
    const take = { channel, owner, at: clock.now() };
    let subAccountNo = await takeFree(tx, { ...take, kind: 'unused' });
    if (subAccountNo === undefined && numbers.kind === 'rule') {
      // One transaction makes the next numbers; those that waited for it find them.
      await lockChannel(tx, channel);
      subAccountNo = await takeFree(tx, { ...take, kind: 'unused' });
      if (subAccountNo === undefined && (await makeNumbers(tx, channel)) > 0) {
        subAccountNo = await takeFree(tx, { ...take, kind: 'unused' });
      }
    }
    subAccountNo ??= await takeFree(tx, { ...take, kind: 'reusable' });
    if (subAccountNo !== undefined) return { channel, subAccountNo, mainAccountName, mainAccountBank, mainAccountNo };
  }
  throw new DomainError<BankErrorCode>('sub_accounts_exhausted');
}
