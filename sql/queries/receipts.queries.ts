/** Types generated for queries found in "sql/queries/receipts.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'WriteReceipts' parameters type */
export interface IWriteReceiptsParams {
  ackSeqs: string;
  connectionNos: string;
  conversationIds: string;
  readSeqs: string;
  sessionIds: string;
}

/** 'WriteReceipts' return type */
export interface IWriteReceiptsResult {
  audience: string | null;
  deliveredSeq: number | null;
  n: number;
  outcome: string;
  readSeq: number | null;
  rose: boolean;
  unread: number | null;
  userId: string | null;
}

/** 'WriteReceipts' query type */
export interface IWriteReceiptsQuery {
  params: IWriteReceiptsParams;
  result: IWriteReceiptsResult;
}

const writeReceiptsIR: any = {"usedParamSet":{"conversationIds":true,"sessionIds":true,"connectionNos":true,"ackSeqs":true,"readSeqs":true},"params":[{"name":"conversationIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":221,"b":237}]},{"name":"sessionIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":254,"b":265}]},{"name":"connectionNos","required":true,"transform":{"type":"scalar"},"locs":[{"a":282,"b":296}]},{"name":"ackSeqs","required":true,"transform":{"type":"scalar"},"locs":[{"a":317,"b":325}]},{"name":"readSeqs","required":true,"transform":{"type":"scalar"},"locs":[{"a":344,"b":353}]}],"statement":"select o.n as \"n!\", o.outcome as \"outcome!\", o.user_id as \"userId?\", o.delivered_seq as \"deliveredSeq?\",\n  o.read_seq as \"readSeq?\", o.rose as \"rose!\", o.unread as \"unread?\", o.audience as \"audience?\"\nfrom write_receipts(:conversationIds!::text::uuid[], :sessionIds!::text::uuid[], :connectionNos!::text::bigint[],\n  :ackSeqs!::text::bigint[], :readSeqs!::text::bigint[]) o"};

/**
 * Query generated from SQL:
 * ```
 * select o.n as "n!", o.outcome as "outcome!", o.user_id as "userId?", o.delivered_seq as "deliveredSeq?",
 *   o.read_seq as "readSeq?", o.rose as "rose!", o.unread as "unread?", o.audience as "audience?"
 * from write_receipts(:conversationIds!::text::uuid[], :sessionIds!::text::uuid[], :connectionNos!::text::bigint[],
 *   :ackSeqs!::text::bigint[], :readSeqs!::text::bigint[]) o
 * ```
 */
export const writeReceipts = new PreparedQuery<IWriteReceiptsParams,IWriteReceiptsResult>(writeReceiptsIR);


