/** Types generated for queries found in "sql/queries/log.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'AppendMessages' parameters type */
export interface IAppendMessagesParams {
  clientIds: string;
  contents: string;
  counts: string;
  digests: string;
  epochs: string;
  locks: string;
  mls: string;
  places: string;
  searches?: string | null | void;
  searchVersions?: string | null | void;
  seatConversations: string;
  seats: string;
  seatSessions: string;
  silents: string;
  wait: boolean;
  wraps: string;
  wrapVersions: string;
}

/** 'AppendMessages' return type */
export interface IAppendMessagesResult {
  outcomes: string;
  recipients: string;
}

/** 'AppendMessages' query type */
export interface IAppendMessagesQuery {
  params: IAppendMessagesParams;
  result: IAppendMessagesResult;
}

const appendMessagesIR: any = {"usedParamSet":{"locks":true,"wait":true,"seatConversations":true,"seatSessions":true,"seats":true,"places":true,"counts":true,"clientIds":true,"epochs":true,"silents":true,"digests":true,"mls":true,"contents":true,"wrapVersions":true,"wraps":true,"searchVersions":true,"searches":true},"params":[{"name":"locks","required":true,"transform":{"type":"scalar"},"locs":[{"a":84,"b":90}]},{"name":"wait","required":true,"transform":{"type":"scalar"},"locs":[{"a":107,"b":112}]},{"name":"seatConversations","required":true,"transform":{"type":"scalar"},"locs":[{"a":115,"b":133}]},{"name":"seatSessions","required":true,"transform":{"type":"scalar"},"locs":[{"a":150,"b":163}]},{"name":"seats","required":true,"transform":{"type":"scalar"},"locs":[{"a":182,"b":188}]},{"name":"places","required":true,"transform":{"type":"scalar"},"locs":[{"a":208,"b":215}]},{"name":"counts","required":true,"transform":{"type":"scalar"},"locs":[{"a":235,"b":242}]},{"name":"clientIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":262,"b":272}]},{"name":"epochs","required":true,"transform":{"type":"scalar"},"locs":[{"a":291,"b":298}]},{"name":"silents","required":true,"transform":{"type":"scalar"},"locs":[{"a":317,"b":325}]},{"name":"digests","required":true,"transform":{"type":"scalar"},"locs":[{"a":345,"b":353}]},{"name":"mls","required":true,"transform":{"type":"scalar"},"locs":[{"a":356,"b":360}]},{"name":"contents","required":true,"transform":{"type":"scalar"},"locs":[{"a":363,"b":372}]},{"name":"wrapVersions","required":true,"transform":{"type":"scalar"},"locs":[{"a":375,"b":388}]},{"name":"wraps","required":true,"transform":{"type":"scalar"},"locs":[{"a":410,"b":416}]},{"name":"searchVersions","required":false,"transform":{"type":"scalar"},"locs":[{"a":419,"b":433}]},{"name":"searches","required":false,"transform":{"type":"scalar"},"locs":[{"a":453,"b":461}]}],"statement":"select outcomes as \"outcomes!\", recipients as \"recipients!\" from append_messages(\n  :locks!::text::uuid[], :wait!, :seatConversations!::text::uuid[], :seatSessions!::text::uuid[],\n  :seats!::text::integer[], :places!::text::integer[], :counts!::text::integer[], :clientIds!::text::uuid[],\n  :epochs!::text::bigint[], :silents!::text::boolean[], :digests!, :mls!, :contents!, :wrapVersions!::text::integer[],\n  :wraps!, :searchVersions::text::integer[], :searches)"};

/**
 * Query generated from SQL:
 * ```
 * select outcomes as "outcomes!", recipients as "recipients!" from append_messages(
 *   :locks!::text::uuid[], :wait!, :seatConversations!::text::uuid[], :seatSessions!::text::uuid[],
 *   :seats!::text::integer[], :places!::text::integer[], :counts!::text::integer[], :clientIds!::text::uuid[],
 *   :epochs!::text::bigint[], :silents!::text::boolean[], :digests!, :mls!, :contents!, :wrapVersions!::text::integer[],
 *   :wraps!, :searchVersions::text::integer[], :searches)
 * ```
 */
export const appendMessages = new PreparedQuery<IAppendMessagesParams,IAppendMessagesResult>(appendMessagesIR);


/** 'DeleteMessage' parameters type */
export interface IDeleteMessageParams {
  conversationId: string;
  seq: number;
  sessionId: string;
}

/** 'DeleteMessage' return type */
export interface IDeleteMessageResult {
  state: string;
}

/** 'DeleteMessage' query type */
export interface IDeleteMessageQuery {
  params: IDeleteMessageParams;
  result: IDeleteMessageResult;
}

const deleteMessageIR: any = {"usedParamSet":{"sessionId":true,"conversationId":true,"seq":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":45,"b":55}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":58,"b":73}]},{"name":"seq","required":true,"transform":{"type":"scalar"},"locs":[{"a":76,"b":80}]}],"statement":"select state as \"state!\" from delete_message(:sessionId!, :conversationId!, :seq!)"};

/**
 * Query generated from SQL:
 * ```
 * select state as "state!" from delete_message(:sessionId!, :conversationId!, :seq!)
 * ```
 */
export const deleteMessage = new PreparedQuery<IDeleteMessageParams,IDeleteMessageResult>(deleteMessageIR);


/** 'EntriesAfter' parameters type */
export interface IEntriesAfterParams {
  after: number;
  conversationId: string;
  limit: number;
  maxBytes: number;
}

/** 'EntriesAfter' return type */
export interface IEntriesAfterResult {
  clientId: string;
  content: Buffer | null;
  epoch: number;
  kind: number;
  mls: Buffer | null;
  senderDeviceId: string;
  senderId: string;
  sentAt: Date;
  seq: number;
  silent: boolean;
  wrap: Buffer | null;
  wrapVersion: number | null;
}

/** 'EntriesAfter' query type */
export interface IEntriesAfterQuery {
  params: IEntriesAfterParams;
  result: IEntriesAfterResult;
}

const entriesAfterIR: any = {"usedParamSet":{"conversationId":true,"after":true,"limit":true,"maxBytes":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":483,"b":498}]},{"name":"after","required":true,"transform":{"type":"scalar"},"locs":[{"a":512,"b":518}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":543,"b":549}]},{"name":"maxBytes","required":true,"transform":{"type":"scalar"},"locs":[{"a":578,"b":587}]}],"statement":"-- At least one entry, and as many more as fit in `limit` and `maxBytes`.\nselect e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,\n  e.mls, e.content, e.wrap\nfrom (\n  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)\n    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes\n  from conversation_log l\n  where l.conversation_id = :conversationId! and l.seq > :after!\n  order by l.seq limit :limit!\n) e\nwhere e.before_bytes < :maxBytes!::bigint order by e.seq"};

/**
 * Query generated from SQL:
 * ```
 * -- At least one entry, and as many more as fit in `limit` and `maxBytes`.
 * select e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
 *   e.mls, e.content, e.wrap
 * from (
 *   select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)
 *     - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
 *   from conversation_log l
 *   where l.conversation_id = :conversationId! and l.seq > :after!
 *   order by l.seq limit :limit!
 * ) e
 * where e.before_bytes < :maxBytes!::bigint order by e.seq
 * ```
 */
export const entriesAfter = new PreparedQuery<IEntriesAfterParams,IEntriesAfterResult>(entriesAfterIR);


/** 'Backlogs' parameters type */
export interface IBacklogsParams {
  afters: string;
  conversationIds: string;
  limit: number;
  maxBytes: number;
}

/** 'Backlogs' return type */
export interface IBacklogsResult {
  clientId: string;
  content: Buffer | null;
  epoch: number;
  kind: number;
  mls: Buffer | null;
  n: number;
  senderDeviceId: string;
  senderId: string;
  sentAt: Date;
  seq: number;
  silent: boolean;
  wrap: Buffer | null;
  wrapVersion: number | null;
}

/** 'Backlogs' query type */
export interface IBacklogsQuery {
  params: IBacklogsParams;
  result: IBacklogsResult;
}

const backlogsIR: any = {"usedParamSet":{"conversationIds":true,"afters":true,"limit":true,"maxBytes":true},"params":[{"name":"conversationIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":205,"b":221}]},{"name":"afters","required":true,"transform":{"type":"scalar"},"locs":[{"a":238,"b":245}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":671,"b":677}]},{"name":"maxBytes","required":true,"transform":{"type":"scalar"},"locs":[{"a":718,"b":727}]}],"statement":"-- The same for several conversations.\nselect a.n as \"n!\", e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,\n  e.mls, e.content, e.wrap\nfrom unnest(:conversationIds!::text::uuid[], :afters!::text::bigint[]) with ordinality as a (conversation_id, after, n)\ncross join lateral (\n  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)\n    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes\n  from (select * from conversation_log o where o.conversation_id = a.conversation_id and o.seq > a.after\n    order by o.seq limit :limit!::integer) l\n) e\nwhere e.before_bytes < :maxBytes!::bigint order by a.n, e.seq"};

/**
 * Query generated from SQL:
 * ```
 * -- The same for several conversations.
 * select a.n as "n!", e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
 *   e.mls, e.content, e.wrap
 * from unnest(:conversationIds!::text::uuid[], :afters!::text::bigint[]) with ordinality as a (conversation_id, after, n)
 * cross join lateral (
 *   select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)
 *     - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
 *   from (select * from conversation_log o where o.conversation_id = a.conversation_id and o.seq > a.after
 *     order by o.seq limit :limit!::integer) l
 * ) e
 * where e.before_bytes < :maxBytes!::bigint order by a.n, e.seq
 * ```
 */
export const backlogs = new PreparedQuery<IBacklogsParams,IBacklogsResult>(backlogsIR);


/** 'EntriesBefore' parameters type */
export interface IEntriesBeforeParams {
  before: number;
  conversationId: string;
  floor: number;
  limit: number;
  maxBytes: number;
}

/** 'EntriesBefore' return type */
export interface IEntriesBeforeResult {
  clientId: string;
  content: Buffer | null;
  epoch: number;
  kind: number;
  mls: Buffer | null;
  senderDeviceId: string;
  senderId: string;
  sentAt: Date;
  seq: number;
  silent: boolean;
  wrap: Buffer | null;
  wrapVersion: number | null;
}

/** 'EntriesBefore' query type */
export interface IEntriesBeforeQuery {
  params: IEntriesBeforeParams;
  result: IEntriesBeforeResult;
}

const entriesBeforeIR: any = {"usedParamSet":{"conversationId":true,"before":true,"floor":true,"limit":true,"maxBytes":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":414,"b":429}]},{"name":"before","required":true,"transform":{"type":"scalar"},"locs":[{"a":443,"b":450}]},{"name":"floor","required":true,"transform":{"type":"scalar"},"locs":[{"a":464,"b":470}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":500,"b":506}]},{"name":"maxBytes","required":true,"transform":{"type":"scalar"},"locs":[{"a":535,"b":544}]}],"statement":"select e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,\n  e.mls, e.content, e.wrap\nfrom (\n  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq desc)\n    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes\n  from conversation_log l\n  where l.conversation_id = :conversationId! and l.seq < :before! and l.seq > :floor!\n  order by l.seq desc limit :limit!\n) e\nwhere e.before_bytes < :maxBytes!::bigint order by e.seq"};

/**
 * Query generated from SQL:
 * ```
 * select e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
 *   e.mls, e.content, e.wrap
 * from (
 *   select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq desc)
 *     - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
 *   from conversation_log l
 *   where l.conversation_id = :conversationId! and l.seq < :before! and l.seq > :floor!
 *   order by l.seq desc limit :limit!
 * ) e
 * where e.before_bytes < :maxBytes!::bigint order by e.seq
 * ```
 */
export const entriesBefore = new PreparedQuery<IEntriesBeforeParams,IEntriesBeforeResult>(entriesBeforeIR);


/** 'ReadableFrom' parameters type */
export interface IReadableFromParams {
  conversationId: string;
  sessionId: string;
}

/** 'ReadableFrom' return type */
export interface IReadableFromResult {
  joinedSeq: number;
  lastSeq: number;
}

/** 'ReadableFrom' query type */
export interface IReadableFromQuery {
  params: IReadableFromParams;
  result: IReadableFromResult;
}

const readableFromIR: any = {"usedParamSet":{"conversationId":true,"sessionId":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":390,"b":405}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":491,"b":501}]}],"statement":"-- What a live session may read of a conversation: everything above `joinedSeq`. No row: not a member, or ended.\nselect p.joined_seq, c.last_seq\nfrom sessions s\njoin devices d on d.id = s.device_id and d.revoked_at is null\njoin users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\njoin conversation_participants p on p.user_id = s.user_id and p.conversation_id = :conversationId! and p.left_at is null\njoin conversations c on c.id = p.conversation_id\nwhere s.id = :sessionId! and s.ended_at is null"};

/**
 * Query generated from SQL:
 * ```
 * -- What a live session may read of a conversation: everything above `joinedSeq`. No row: not a member, or ended.
 * select p.joined_seq, c.last_seq
 * from sessions s
 * join devices d on d.id = s.device_id and d.revoked_at is null
 * join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * join conversation_participants p on p.user_id = s.user_id and p.conversation_id = :conversationId! and p.left_at is null
 * join conversations c on c.id = p.conversation_id
 * where s.id = :sessionId! and s.ended_at is null
 * ```
 */
export const readableFrom = new PreparedQuery<IReadableFromParams,IReadableFromResult>(readableFromIR);


