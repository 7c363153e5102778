/** One booked payment of 0.01 yuan, as a bank writes it. */
export interface StatementPayment {
  toAccount: string;
  payerName: string;
  payerAccount: string;
  payerBank: string;
  reference: string;
  at: Date;
}

/** A bank's notice in ISO 20022 camt.054 of the payments that came in; none is a notice too: the bank was asked. */
export function camt054(mainAccountNo: string, payments: readonly StatementPayment[], at: Date): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
  <BkToCstmrDbtCdtNtfctn>
    <GrpHdr><MsgId>N${at.getTime()}</MsgId><CreDtTm>${at.toISOString()}</CreDtTm></GrpHdr>
    <Ntfctn>
      <Id>${at.getTime()}</Id>
      <Acct><Id><Othr><Id>${mainAccountNo}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
${payments.map(entry).join('')}    </Ntfctn>
  </BkToCstmrDbtCdtNtfctn>
</Document>
`;
}

function entry(payment: StatementPayment): string {
  return `      <Ntry>
        <Amt Ccy="CNY">0.01</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><DtTm>${payment.at.toISOString()}</DtTm></BookgDt><AcctSvcrRef>${payment.reference}</AcctSvcrRef>
        <NtryDtls><TxDtls>
          <RltdPties>
            <Dbtr><Pty><Nm>${payment.payerName}</Nm></Pty></Dbtr>
            <DbtrAcct><Id><Othr><Id>${payment.payerAccount}</Id></Othr></Id></DbtrAcct>
            <CdtrAcct><Id><Othr><Id>${payment.toAccount}</Id></Othr></Id></CdtrAcct>
          </RltdPties>
          <RltdAgts><DbtrAgt><FinInstnId><Nm>${payment.payerBank}</Nm></FinInstnId></DbtrAgt></RltdAgts>
        </TxDtls></NtryDtls>
      </Ntry>
`;
}
