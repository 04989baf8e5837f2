/** Types generated for queries found in "sql/queries/presence.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'SetPresenceVisible' parameters type */
export interface ISetPresenceVisibleParams {
  sessionId: string;
  visible: boolean;
}

/** 'SetPresenceVisible' return type */
export interface ISetPresenceVisibleResult {
  id: string;
}

/** 'SetPresenceVisible' query type */
export interface ISetPresenceVisibleQuery {
  params: ISetPresenceVisibleParams;
  result: ISetPresenceVisibleResult;
}

const setPresenceVisibleIR: any = {"usedParamSet":{"visible":true,"sessionId":true},"params":[{"name":"visible","required":true,"transform":{"type":"scalar"},"locs":[{"a":75,"b":83}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":114,"b":124}]}],"statement":"-- Nothing if the session has ended.\nupdate users u set presence_visible = :visible!\nfrom sessions s where s.id = :sessionId! and s.user_id = u.id and s.ended_at is null\nreturning u.id"};

/**
 * Query generated from SQL:
 * ```
 * -- Nothing if the session has ended.
 * update users u set presence_visible = :visible!
 * from sessions s where s.id = :sessionId! and s.user_id = u.id and s.ended_at is null
 * returning u.id
 * ```
 */
export const setPresenceVisible = new PreparedQuery<ISetPresenceVisibleParams,ISetPresenceVisibleResult>(setPresenceVisibleIR);


/** 'VisibleAmong' parameters type */
export interface IVisibleAmongParams {
  userIds: string;
}

/** 'VisibleAmong' return type */
export interface IVisibleAmongResult {
  id: string;
}

/** 'VisibleAmong' query type */
export interface IVisibleAmongQuery {
  params: IVisibleAmongParams;
  result: IVisibleAmongResult;
}

const visibleAmongIR: any = {"usedParamSet":{"userIds":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":37,"b":45}]}],"statement":"select id from users\nwhere id = any (:userIds!::text::uuid[]) and presence_visible and suspended_at is null and deleted_at is null"};

/**
 * Query generated from SQL:
 * ```
 * select id from users
 * where id = any (:userIds!::text::uuid[]) and presence_visible and suspended_at is null and deleted_at is null
 * ```
 */
export const visibleAmong = new PreparedQuery<IVisibleAmongParams,IVisibleAmongResult>(visibleAmongIR);


/** 'PresenceAudience' parameters type */
export interface IPresenceAudienceParams {
  conversations: number;
  userIds: string;
}

/** 'PresenceAudience' return type */
export interface IPresenceAudienceResult {
  userId: string | null;
  viewerId: string;
}

/** 'PresenceAudience' query type */
export interface IPresenceAudienceQuery {
  params: IPresenceAudienceParams;
  result: IPresenceAudienceResult;
}

const presenceAudienceIR: any = {"usedParamSet":{"userIds":true,"conversations":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":226,"b":234}]},{"name":"conversations","required":true,"transform":{"type":"scalar"},"locs":[{"a":561,"b":575}]}],"statement":"-- Who may see which of these users: people with whom they share a conversation that both accepted, without a block\n-- between them; the most recent conversations first.\nselect seen.user_id, o.user_id as viewer_id from unnest(:userIds!::text::uuid[]) as seen (user_id)\ncross join lateral (\n  select distinct other.user_id from (\n    select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id\n    where p.user_id = seen.user_id and p.left_at is null and p.accepted_at is not null\n    order by c.last_at desc limit :conversations!::integer) mine\n  join conversation_participants other on other.conversation_id = mine.conversation_id\n    and other.user_id <> seen.user_id and other.left_at is null and other.accepted_at is not null\n  where not exists (select from blocks b where (b.user_id = seen.user_id and b.blocked_id = other.user_id)\n    or (b.user_id = other.user_id and b.blocked_id = seen.user_id))\n) o"};

/**
 * Query generated from SQL:
 * ```
 * -- Who may see which of these users: people with whom they share a conversation that both accepted, without a block
 * -- between them; the most recent conversations first.
 * select seen.user_id, o.user_id as viewer_id from unnest(:userIds!::text::uuid[]) as seen (user_id)
 * cross join lateral (
 *   select distinct other.user_id from (
 *     select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id
 *     where p.user_id = seen.user_id and p.left_at is null and p.accepted_at is not null
 *     order by c.last_at desc limit :conversations!::integer) mine
 *   join conversation_participants other on other.conversation_id = mine.conversation_id
 *     and other.user_id <> seen.user_id and other.left_at is null and other.accepted_at is not null
 *   where not exists (select from blocks b where (b.user_id = seen.user_id and b.blocked_id = other.user_id)
 *     or (b.user_id = other.user_id and b.blocked_id = seen.user_id))
 * ) o
 * ```
 */
export const presenceAudience = new PreparedQuery<IPresenceAudienceParams,IPresenceAudienceResult>(presenceAudienceIR);


