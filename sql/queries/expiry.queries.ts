/** Types generated for queries found in "sql/queries/expiry.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'ExpireMessages' parameters type */
export interface IExpireMessagesParams {
  most: number;
  retentionMs?: number | null | void;
  server: string;
}

/** 'ExpireMessages' return type */
export interface IExpireMessagesResult {
  dropped: number;
  looked: number;
  state: string;
}

/** 'ExpireMessages' query type */
export interface IExpireMessagesQuery {
  params: IExpireMessagesParams;
  result: IExpireMessagesResult;
}

const expireMessagesIR: any = {"usedParamSet":{"server":true,"retentionMs":true,"most":true},"params":[{"name":"server","required":true,"transform":{"type":"scalar"},"locs":[{"a":90,"b":97}]},{"name":"retentionMs","required":false,"transform":{"type":"scalar"},"locs":[{"a":100,"b":111}]},{"name":"most","required":true,"transform":{"type":"scalar"},"locs":[{"a":114,"b":119}]}],"statement":"select state as \"state!\", looked as \"looked!\", dropped as \"dropped!\" from expire_messages(:server!, :retentionMs, :most!)"};

/**
 * Query generated from SQL:
 * ```
 * select state as "state!", looked as "looked!", dropped as "dropped!" from expire_messages(:server!, :retentionMs, :most!)
 * ```
 */
export const expireMessages = new PreparedQuery<IExpireMessagesParams,IExpireMessagesResult>(expireMessagesIR);


/** 'TrackConversations' parameters type */
export interface ITrackConversationsParams {
  after: string;
  most: number;
  retentionMs: number;
}

/** 'TrackConversations' return type */
export interface ITrackConversationsResult {
  last: string;
}

/** 'TrackConversations' query type */
export interface ITrackConversationsQuery {
  params: ITrackConversationsParams;
  result: ITrackConversationsResult;
}

const trackConversationsIR: any = {"usedParamSet":{"retentionMs":true,"after":true,"most":true},"params":[{"name":"retentionMs","required":true,"transform":{"type":"scalar"},"locs":[{"a":272,"b":284}]},{"name":"after","required":true,"transform":{"type":"scalar"},"locs":[{"a":343,"b":349}]},{"name":"most","required":true,"transform":{"type":"scalar"},"locs":[{"a":371,"b":376}]}],"statement":"-- Has the next conversations after `after`, in the order of their ids, looked at when their first message is too old, or\n-- at once where that was reckoned by a longer limit. No row: there are no more conversations.\nwith page as (\n  select c.id, least(c.expire_after_ms, :retentionMs!::bigint) as limit_ms from conversations c\n  where c.id > :after! order by c.id limit :most!\n), tracked as (\n  insert into conversation_expiry as e (conversation_id, limit_ms, due_at)\n  select p.id, p.limit_ms, coalesce((\n      select l.sent_at from conversation_log l where l.conversation_id = p.id order by l.seq limit 1), now())\n    + p.limit_ms * interval '1 ms'\n  from page p\n  on conflict (conversation_id) do update set due_at = now() where e.limit_ms > excluded.limit_ms\n)\nselect id as \"last!\" from page order by id desc limit 1"};

/**
 * Query generated from SQL:
 * ```
 * -- Has the next conversations after `after`, in the order of their ids, looked at when their first message is too old, or
 * -- at once where that was reckoned by a longer limit. No row: there are no more conversations.
 * with page as (
 *   select c.id, least(c.expire_after_ms, :retentionMs!::bigint) as limit_ms from conversations c
 *   where c.id > :after! order by c.id limit :most!
 * ), tracked as (
 *   insert into conversation_expiry as e (conversation_id, limit_ms, due_at)
 *   select p.id, p.limit_ms, coalesce((
 *       select l.sent_at from conversation_log l where l.conversation_id = p.id order by l.seq limit 1), now())
 *     + p.limit_ms * interval '1 ms'
 *   from page p
 *   on conflict (conversation_id) do update set due_at = now() where e.limit_ms > excluded.limit_ms
 * )
 * select id as "last!" from page order by id desc limit 1
 * ```
 */
export const trackConversations = new PreparedQuery<ITrackConversationsParams,ITrackConversationsResult>(trackConversationsIR);


