/** Types generated for queries found in "sql/queries/conversations.sql" */
import { PreparedQuery } from '../adapter.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** 'OpenDirect' parameters type */
export interface IOpenDirectParams {
  otherId: string;
  sessionId: string;
}

/** 'OpenDirect' return type */
export interface IOpenDirectResult {
  conversationId: string | null;
  created: boolean;
  state: string;
}

/** 'OpenDirect' query type */
export interface IOpenDirectQuery {
  params: IOpenDirectParams;
  result: IOpenDirectResult;
}

const openDirectIR: any = {"usedParamSet":{"sessionId":true,"otherId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":220,"b":230}]},{"name":"otherId","required":true,"transform":{"type":"scalar"},"locs":[{"a":233,"b":241}]}],"statement":"-- `state`: opened, unauthenticated, not_found (no such person), forbidden (one of the two blocked the other).\nselect o.state as \"state!\", o.conversation_id as \"conversationId?\", o.created as \"created!\"\nfrom open_direct(:sessionId!, :otherId!) o"};

/**
 * Query generated from SQL:
 * ```
 * -- `state`: opened, unauthenticated, not_found (no such person), forbidden (one of the two blocked the other).
 * select o.state as "state!", o.conversation_id as "conversationId?", o.created as "created!"
 * from open_direct(:sessionId!, :otherId!) o
 * ```
 */
export const openDirect = new PreparedQuery<IOpenDirectParams,IOpenDirectResult>(openDirectIR);


/** 'AcceptConversation' parameters type */
export interface IAcceptConversationParams {
  conversationId: string;
  sessionId: string;
}

/** 'AcceptConversation' return type */
export interface IAcceptConversationResult {
  conversationId: string;
}

/** 'AcceptConversation' query type */
export interface IAcceptConversationQuery {
  params: IAcceptConversationParams;
  result: IAcceptConversationResult;
}

const acceptConversationIR: any = {"usedParamSet":{"sessionId":true,"conversationId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":140,"b":150}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":228,"b":243}]}],"statement":"update conversation_participants p set accepted_at = now(), marked_at = now()\nfrom sessions s join users u on u.id = s.user_id\nwhere s.id = :sessionId! and s.ended_at is null and u.suspended_at is null\n  and p.conversation_id = :conversationId! and p.user_id = s.user_id and p.left_at is null and p.accepted_at is null\nreturning p.conversation_id"};

/**
 * Query generated from SQL:
 * ```
 * update conversation_participants p set accepted_at = now(), marked_at = now()
 * from sessions s join users u on u.id = s.user_id
 * where s.id = :sessionId! and s.ended_at is null and u.suspended_at is null
 *   and p.conversation_id = :conversationId! and p.user_id = s.user_id and p.left_at is null and p.accepted_at is null
 * returning p.conversation_id
 * ```
 */
export const acceptConversation = new PreparedQuery<IAcceptConversationParams,IAcceptConversationResult>(acceptConversationIR);


/** 'UpdateConversation' parameters type */
export interface IUpdateConversationParams {
  conversationId: string;
  expiry?: number | null | void;
  expiryGiven: boolean;
  search?: boolean | null | void;
  sessionId: string;
}

/** 'UpdateConversation' return type */
export interface IUpdateConversationResult {
  changed: boolean;
  state: string;
}

/** 'UpdateConversation' query type */
export interface IUpdateConversationQuery {
  params: IUpdateConversationParams;
  result: IUpdateConversationResult;
}

const updateConversationIR: any = {"usedParamSet":{"sessionId":true,"conversationId":true,"search":true,"expiryGiven":true,"expiry":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":77,"b":87}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":90,"b":105}]},{"name":"search","required":false,"transform":{"type":"scalar"},"locs":[{"a":108,"b":114}]},{"name":"expiryGiven","required":true,"transform":{"type":"scalar"},"locs":[{"a":117,"b":129}]},{"name":"expiry","required":false,"transform":{"type":"scalar"},"locs":[{"a":132,"b":138}]}],"statement":"select u.state as \"state!\", u.changed as \"changed!\"\nfrom update_conversation(:sessionId!, :conversationId!, :search, :expiryGiven!, :expiry) u"};

/**
 * Query generated from SQL:
 * ```
 * select u.state as "state!", u.changed as "changed!"
 * from update_conversation(:sessionId!, :conversationId!, :search, :expiryGiven!, :expiry) u
 * ```
 */
export const updateConversation = new PreparedQuery<IUpdateConversationParams,IUpdateConversationResult>(updateConversationIR);


/** 'ConversationsOf' parameters type */
export interface IConversationsOfParams {
  beforeAt?: Date | null | void;
  beforeId?: string | null | void;
  ids?: string | null | void;
  limit: number;
  userId: string;
}

/** 'ConversationsOf' return type */
export interface IConversationsOfResult {
  accepted: boolean;
  epoch: number;
  expireAfterMs: number | null;
  id: string;
  kind: string;
  lastAt: Date;
  lastSeq: number;
  members: Json;
  readSeq: number;
  searchOnServer: boolean;
  unread: number;
  viewerId: string;
}

/** 'ConversationsOf' query type */
export interface IConversationsOfQuery {
  params: IConversationsOfParams;
  result: IConversationsOfResult;
}

const conversationsOfIR: any = {"usedParamSet":{"userId":true,"ids":true,"beforeAt":true,"beforeId":true,"limit":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":460,"b":467}]},{"name":"ids","required":false,"transform":{"type":"scalar"},"locs":[{"a":485,"b":488},{"a":523,"b":526}]},{"name":"beforeAt","required":false,"transform":{"type":"scalar"},"locs":[{"a":590,"b":598},{"a":641,"b":649}]},{"name":"beforeId","required":false,"transform":{"type":"scalar"},"locs":[{"a":665,"b":673}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":724,"b":730}]}],"statement":"-- Given `ids`, these; else a page in order of activity, newest first: those with an entry, or opened by the user.\nselect viewer_id as \"viewerId!\", id as \"id!\", kind as \"kind!\", last_seq as \"lastSeq!\", epoch as \"epoch!\", last_at as \"lastAt!\",\n  read_seq as \"readSeq!\", accepted as \"accepted!\", unread as \"unread!\", members as \"members!\",\n  search_on_server as \"searchOnServer!\", expire_after_ms as \"expireAfterMs?\"\nfrom conversations_as_seen\nwhere viewer_id = :userId!\n  and case when :ids::text is not null then id = any (:ids::text::uuid[])\n    else (last_seq > 0 or accepted)\n      and (:beforeAt::timestamptz is null or (last_at, id) < (:beforeAt::timestamptz, :beforeId::uuid)) end\norder by last_at desc, id desc limit :limit!"};

/**
 * Query generated from SQL:
 * ```
 * -- Given `ids`, these; else a page in order of activity, newest first: those with an entry, or opened by the user.
 * select viewer_id as "viewerId!", id as "id!", kind as "kind!", last_seq as "lastSeq!", epoch as "epoch!", last_at as "lastAt!",
 *   read_seq as "readSeq!", accepted as "accepted!", unread as "unread!", members as "members!",
 *   search_on_server as "searchOnServer!", expire_after_ms as "expireAfterMs?"
 * from conversations_as_seen
 * where viewer_id = :userId!
 *   and case when :ids::text is not null then id = any (:ids::text::uuid[])
 *     else (last_seq > 0 or accepted)
 *       and (:beforeAt::timestamptz is null or (last_at, id) < (:beforeAt::timestamptz, :beforeId::uuid)) end
 * order by last_at desc, id desc limit :limit!
 * ```
 */
export const conversationsOf = new PreparedQuery<IConversationsOfParams,IConversationsOfResult>(conversationsOfIR);


/** 'ConversationsOfMany' parameters type */
export interface IConversationsOfManyParams {
  ids: string;
  questions: string;
  userIds: string;
}

/** 'ConversationsOfMany' return type */
export interface IConversationsOfManyResult {
  accepted: boolean;
  epoch: number;
  expireAfterMs: number | null;
  id: string;
  kind: string;
  lastAt: Date;
  lastSeq: number;
  members: Json;
  n: number;
  readSeq: number;
  searchOnServer: boolean;
  unread: number;
  viewerId: string;
}

/** 'ConversationsOfMany' query type */
export interface IConversationsOfManyQuery {
  params: IConversationsOfManyParams;
  result: IConversationsOfManyResult;
}

const conversationsOfManyIR: any = {"usedParamSet":{"questions":true,"userIds":true,"ids":true},"params":[{"name":"questions","required":true,"transform":{"type":"scalar"},"locs":[{"a":413,"b":423}]},{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":443,"b":451}]},{"name":"ids","required":true,"transform":{"type":"scalar"},"locs":[{"a":468,"b":472}]}],"statement":"-- Some conversations of some users, each as that user sees it.\nselect a.n as \"n!\", s.viewer_id as \"viewerId!\", s.id as \"id!\", s.kind as \"kind!\", s.last_seq as \"lastSeq!\", s.epoch as \"epoch!\",\n  s.last_at as \"lastAt!\", s.read_seq as \"readSeq!\", s.accepted as \"accepted!\", s.unread as \"unread!\", s.members as \"members!\",\n  s.search_on_server as \"searchOnServer!\", s.expire_after_ms as \"expireAfterMs?\"\nfrom unnest(:questions!::text::integer[], :userIds!::text::uuid[], :ids!::text::uuid[]) as a (n, user_id, id)\ncross join lateral (select * from conversations_as_seen v where v.viewer_id = a.user_id and v.id = a.id offset 0) s\norder by s.last_at desc, s.id desc"};

/**
 * Query generated from SQL:
 * ```
 * -- Some conversations of some users, each as that user sees it.
 * select a.n as "n!", s.viewer_id as "viewerId!", s.id as "id!", s.kind as "kind!", s.last_seq as "lastSeq!", s.epoch as "epoch!",
 *   s.last_at as "lastAt!", s.read_seq as "readSeq!", s.accepted as "accepted!", s.unread as "unread!", s.members as "members!",
 *   s.search_on_server as "searchOnServer!", s.expire_after_ms as "expireAfterMs?"
 * from unnest(:questions!::text::integer[], :userIds!::text::uuid[], :ids!::text::uuid[]) as a (n, user_id, id)
 * cross join lateral (select * from conversations_as_seen v where v.viewer_id = a.user_id and v.id = a.id offset 0) s
 * order by s.last_at desc, s.id desc
 * ```
 */
export const conversationsOfMany = new PreparedQuery<IConversationsOfManyParams,IConversationsOfManyResult>(conversationsOfManyIR);


/** 'ConversationsForAll' parameters type */
export interface IConversationsForAllParams {
  ids: string;
}

/** 'ConversationsForAll' return type */
export interface IConversationsForAllResult {
  accepted: boolean;
  epoch: number;
  expireAfterMs: number | null;
  id: string;
  kind: string;
  lastAt: Date;
  lastSeq: number;
  members: Json;
  readSeq: number;
  searchOnServer: boolean;
  unread: number;
  viewerId: string;
}

/** 'ConversationsForAll' query type */
export interface IConversationsForAllQuery {
  params: IConversationsForAllParams;
  result: IConversationsForAllResult;
}

const conversationsForAllIR: any = {"usedParamSet":{"ids":true},"params":[{"name":"ids","required":true,"transform":{"type":"scalar"},"locs":[{"a":382,"b":386}]}],"statement":"-- As each of their members sees them.\nselect viewer_id as \"viewerId!\", id as \"id!\", kind as \"kind!\", last_seq as \"lastSeq!\", epoch as \"epoch!\", last_at as \"lastAt!\",\n  read_seq as \"readSeq!\", accepted as \"accepted!\", unread as \"unread!\", members as \"members!\",\n  search_on_server as \"searchOnServer!\", expire_after_ms as \"expireAfterMs?\"\nfrom conversations_as_seen where id = any (:ids!::text::uuid[])"};

/**
 * Query generated from SQL:
 * ```
 * -- As each of their members sees them.
 * select viewer_id as "viewerId!", id as "id!", kind as "kind!", last_seq as "lastSeq!", epoch as "epoch!", last_at as "lastAt!",
 *   read_seq as "readSeq!", accepted as "accepted!", unread as "unread!", members as "members!",
 *   search_on_server as "searchOnServer!", expire_after_ms as "expireAfterMs?"
 * from conversations_as_seen where id = any (:ids!::text::uuid[])
 * ```
 */
export const conversationsForAll = new PreparedQuery<IConversationsForAllParams,IConversationsForAllResult>(conversationsForAllIR);


/** 'ChangedSince' parameters type */
export interface IChangedSinceParams {
  limit: number;
  sinces: string;
  userIds: string;
}

/** 'ChangedSince' return type */
export interface IChangedSinceResult {
  id: string;
  n: number;
}

/** 'ChangedSince' query type */
export interface IChangedSinceQuery {
  params: IChangedSinceParams;
  result: IChangedSinceResult;
}

const changedSinceIR: any = {"usedParamSet":{"userIds":true,"sinces":true,"limit":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":171,"b":179}]},{"name":"sinces","required":true,"transform":{"type":"scalar"},"locs":[{"a":196,"b":203}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":641,"b":647}]}],"statement":"-- Conversations in which something other than the log changed since devices were last here, `limit` for each at most.\nselect a.n as \"n!\", changed.id as \"id!\"\nfrom unnest(:userIds!::text::uuid[], :sinces!::text::timestamptz[]) with ordinality as a (user_id, since, n)\ncross join lateral (\n  select c.id from conversation_participants me join conversations c on c.id = me.conversation_id\n  where me.user_id = a.user_id and me.left_at is null and c.last_seq > 0\n    and (c.changed_at > a.since or exists (\n      select from conversation_participants m where m.conversation_id = c.id and m.marked_at > a.since))\n  order by c.last_at desc limit :limit!::integer) changed"};

/**
 * Query generated from SQL:
 * ```
 * -- Conversations in which something other than the log changed since devices were last here, `limit` for each at most.
 * select a.n as "n!", changed.id as "id!"
 * from unnest(:userIds!::text::uuid[], :sinces!::text::timestamptz[]) with ordinality as a (user_id, since, n)
 * cross join lateral (
 *   select c.id from conversation_participants me join conversations c on c.id = me.conversation_id
 *   where me.user_id = a.user_id and me.left_at is null and c.last_seq > 0
 *     and (c.changed_at > a.since or exists (
 *       select from conversation_participants m where m.conversation_id = c.id and m.marked_at > a.since))
 *   order by c.last_at desc limit :limit!::integer) changed
 * ```
 */
export const changedSince = new PreparedQuery<IChangedSinceParams,IChangedSinceResult>(changedSinceIR);


/** 'Audience' parameters type */
export interface IAudienceParams {
  conversationId: string;
  userId: string;
}

/** 'Audience' return type */
export interface IAudienceResult {
  userId: string;
}

/** 'Audience' query type */
export interface IAudienceQuery {
  params: IAudienceParams;
  result: IAudienceResult;
}

const audienceIR: any = {"usedParamSet":{"conversationId":true,"userId":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":349,"b":364}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":383,"b":390}]}],"statement":"-- Who may see that a member is present, writes or reads: the other members who accepted, if the member did, and no block\n-- stands between them.\nselect o.user_id from conversation_participants me\njoin conversation_participants o on o.conversation_id = me.conversation_id and o.user_id <> me.user_id and o.left_at is null\nwhere me.conversation_id = :conversationId! and me.user_id = :userId! and me.left_at is null\n  and me.accepted_at is not null and o.accepted_at is not null\n  and not exists (select from blocks b where (b.user_id = me.user_id and b.blocked_id = o.user_id)\n    or (b.user_id = o.user_id and b.blocked_id = me.user_id))"};

/**
 * Query generated from SQL:
 * ```
 * -- Who may see that a member is present, writes or reads: the other members who accepted, if the member did, and no block
 * -- stands between them.
 * select o.user_id from conversation_participants me
 * join conversation_participants o on o.conversation_id = me.conversation_id and o.user_id <> me.user_id and o.left_at is null
 * where me.conversation_id = :conversationId! and me.user_id = :userId! and me.left_at is null
 *   and me.accepted_at is not null and o.accepted_at is not null
 *   and not exists (select from blocks b where (b.user_id = me.user_id and b.blocked_id = o.user_id)
 *     or (b.user_id = o.user_id and b.blocked_id = me.user_id))
 * ```
 */
export const audience = new PreparedQuery<IAudienceParams,IAudienceResult>(audienceIR);


