/** Types generated for queries found in "sql/queries/commits.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'GroupForCommit' parameters type */
export interface IGroupForCommitParams {
  clientId: string;
  conversationId: string;
  sessionId: string;
}

/** 'GroupForCommit' return type */
export interface IGroupForCommitResult {
  deviceKey: Buffer | null;
  earlier: boolean;
  epoch: number | null;
  leaves: string | null;
  standing: string;
}

/** 'GroupForCommit' query type */
export interface IGroupForCommitQuery {
  params: IGroupForCommitParams;
  result: IGroupForCommitResult;
}

const groupForCommitIR: any = {"usedParamSet":{"conversationId":true,"clientId":true,"sessionId":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":127,"b":142},{"a":545,"b":560}]},{"name":"clientId","required":true,"transform":{"type":"scalar"},"locs":[{"a":313,"b":322}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":628,"b":638}]}],"statement":"-- What a commit is judged by. `earlier`: a commit of this device under the same client id.\nselect conversation_standing(s.id, :conversationId!) as \"standing!\", c.epoch as \"epoch?\",\n  exists (select from conversation_log l where l.conversation_id = c.id and l.sender_device_id = s.device_id\n    and l.client_id = :clientId!) as \"earlier!\",\n  k.key as \"deviceKey?\",\n  (select string_agg(g.device_id || ' ' || g.leaf_index, ',') from group_members g where g.conversation_id = c.id) as \"leaves?\"\nfrom sessions s\nleft join conversations c on c.id = :conversationId!\nleft join device_keys k on k.device_id = s.device_id\nwhere s.id = :sessionId!"};

/**
 * Query generated from SQL:
 * ```
 * -- What a commit is judged by. `earlier`: a commit of this device under the same client id.
 * select conversation_standing(s.id, :conversationId!) as "standing!", c.epoch as "epoch?",
 *   exists (select from conversation_log l where l.conversation_id = c.id and l.sender_device_id = s.device_id
 *     and l.client_id = :clientId!) as "earlier!",
 *   k.key as "deviceKey?",
 *   (select string_agg(g.device_id || ' ' || g.leaf_index, ',') from group_members g where g.conversation_id = c.id) as "leaves?"
 * from sessions s
 * left join conversations c on c.id = :conversationId!
 * left join device_keys k on k.device_id = s.device_id
 * where s.id = :sessionId!
 * ```
 */
export const groupForCommit = new PreparedQuery<IGroupForCommitParams,IGroupForCommitResult>(groupForCommitIR);


/** 'AppendCommit' parameters type */
export interface IAppendCommitParams {
  addLeaves: string;
  addRefs: string;
  adds: string;
  base: number;
  clientId: string;
  commit: Uint8Array;
  conversationId: string;
  digest: Uint8Array;
  fresh: boolean;
  next: number;
  removes: string;
  sessionId: string;
  welcome?: Uint8Array | null | void;
}

/** 'AppendCommit' return type */
export interface IAppendCommitResult {
  epoch: number | null;
  recipients: string | null;
  sentAt: Date | null;
  seq: number | null;
  state: string;
}

/** 'AppendCommit' query type */
export interface IAppendCommitQuery {
  params: IAppendCommitParams;
  result: IAppendCommitResult;
}

const appendCommitIR: any = {"usedParamSet":{"sessionId":true,"conversationId":true,"clientId":true,"digest":true,"base":true,"next":true,"fresh":true,"commit":true,"adds":true,"addLeaves":true,"addRefs":true,"removes":true,"welcome":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":129,"b":139}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":142,"b":157}]},{"name":"clientId","required":true,"transform":{"type":"scalar"},"locs":[{"a":160,"b":169}]},{"name":"digest","required":true,"transform":{"type":"scalar"},"locs":[{"a":172,"b":179}]},{"name":"base","required":true,"transform":{"type":"scalar"},"locs":[{"a":182,"b":187}]},{"name":"next","required":true,"transform":{"type":"scalar"},"locs":[{"a":190,"b":195}]},{"name":"fresh","required":true,"transform":{"type":"scalar"},"locs":[{"a":198,"b":204}]},{"name":"commit","required":true,"transform":{"type":"scalar"},"locs":[{"a":207,"b":214}]},{"name":"adds","required":true,"transform":{"type":"scalar"},"locs":[{"a":219,"b":224}]},{"name":"addLeaves","required":true,"transform":{"type":"scalar"},"locs":[{"a":241,"b":251}]},{"name":"addRefs","required":true,"transform":{"type":"scalar"},"locs":[{"a":271,"b":279}]},{"name":"removes","required":true,"transform":{"type":"scalar"},"locs":[{"a":297,"b":305}]},{"name":"welcome","required":false,"transform":{"type":"scalar"},"locs":[{"a":322,"b":329}]}],"statement":"select state as \"state!\", seq as \"seq?\", epoch as \"epoch?\", sent_at as \"sentAt?\", recipients as \"recipients?\"\nfrom append_commit(:sessionId!, :conversationId!, :clientId!, :digest!, :base!, :next!, :fresh!, :commit!,\n  :adds!::text::uuid[], :addLeaves!::text::integer[], :addRefs!::text::bytea[], :removes!::text::uuid[], :welcome)"};

/**
 * Query generated from SQL:
 * ```
 * select state as "state!", seq as "seq?", epoch as "epoch?", sent_at as "sentAt?", recipients as "recipients?"
 * from append_commit(:sessionId!, :conversationId!, :clientId!, :digest!, :base!, :next!, :fresh!, :commit!,
 *   :adds!::text::uuid[], :addLeaves!::text::integer[], :addRefs!::text::bytea[], :removes!::text::uuid[], :welcome)
 * ```
 */
export const appendCommit = new PreparedQuery<IAppendCommitParams,IAppendCommitResult>(appendCommitIR);


