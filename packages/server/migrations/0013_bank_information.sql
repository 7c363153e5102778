-- In which shape a bank itself writes the payer into field 86 of MT940. Until the operator says, the field is the payer's
-- text, and who paid is not known from it.
update bank_channel set statements = statements || '{"information": "untrusted"}'
where statements is not null and not statements ? 'information';

-- Payments that are nobody's, for a person to look through: the newest first.
create index bank_transaction_unclaimed on bank_transaction (received_at desc, transaction_id desc)
  where verdict = 'unclaimed' and credit_debit = 'credit' and not reversal;
