/* @name writeReceipts */
select o.n as "n!", o.outcome as "outcome!", o.user_id as "userId?", o.delivered_seq as "deliveredSeq?",
  o.read_seq as "readSeq?", o.rose as "rose!", o.unread as "unread?", o.audience as "audience?"
from write_receipts(:conversationIds!::text::uuid[], :sessionIds!::text::uuid[], :connectionNos!::text::bigint[],
  :ackSeqs!::text::bigint[], :readSeqs!::text::bigint[]) o;
