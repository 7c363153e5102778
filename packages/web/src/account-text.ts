/** A bank account's number in fours, as bank forms print it: `3020 6857 0000 01`. */
export function groupInFours(digits: string): string {
  return digits.replaceAll(/\s/g, '').replaceAll(/(.{4})(?=.)/g, '$1 ');
}

/** What goes on the clipboard and into the QR code: one line a fact, the number without spaces. */
export function accountText(
  payTo: { accountName: string; accountNo: string; bankName: string; amount: string },
  labels: {
    accountName: string;
    accountNo: string;
    bankName: string;
    amount: string;
    yuan: (amount: string) => string;
  },
): string {
  return [
    `${labels.accountName}：${payTo.accountName}`,
    `${labels.accountNo}：${payTo.accountNo}`,
    `${labels.bankName}：${payTo.bankName}`,
    `${labels.amount}：${labels.yuan(payTo.amount)}`,
  ].join('\n');
}
