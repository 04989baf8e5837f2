/** Types generated for queries found in "sql/queries/connections.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'HelloDevices' parameters type */
export interface IHelloDevicesParams {
  deviceIds: string;
  sessionIds: string;
  userIds: string;
}

/** 'HelloDevices' return type */
export interface IHelloDevicesResult {
  connectionNo: number | null;
  lastSeenAt: Date | null;
  n: number;
  state: string;
}

/** 'HelloDevices' query type */
export interface IHelloDevicesQuery {
  params: IHelloDevicesParams;
  result: IHelloDevicesResult;
}

const helloDevicesIR: any = {"usedParamSet":{"sessionIds":true,"deviceIds":true,"userIds":true},"params":[{"name":"sessionIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":502,"b":513}]},{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":530,"b":540}]},{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":557,"b":565}]}],"statement":"-- Judges the sessions, devices and accounts of connections, and gives each connection its number. A device occurs once. When\n-- it was last seen is not written: only who is let in and told everything has been here.\n-- Rows are locked in id order, so that two batches can't deadlock.\n-- One after the other by index (`offset 0`): left to choose, PostgreSQL reads all sessions there are, until there are very many.\nwith judged as (\n  select a.n, one.device_id, one.last_seen_at, one.state\n  from unnest(:sessionIds!::text::uuid[], :deviceIds!::text::uuid[], :userIds!::text::uuid[])\n    with ordinality as a (session_id, device_id, user_id, n)\n  cross join lateral (\n    select d.id as device_id, d.last_seen_at,\n      case\n        when u.deleted_at is not null then 'deleted'\n        when u.suspended_at is not null then 'suspended'\n        when d.revoked_at is not null then 'revoked'\n        when s.ended_at is not null then s.ended_reason\n        else 'valid'\n      end as state\n    from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id\n    where s.id = a.session_id and s.device_id = a.device_id and s.user_id = a.user_id offset 0) one\n), locked as (\n  select d.id, j.n, j.last_seen_at from judged j join devices d on d.id = j.device_id\n  where j.state = 'valid' order by d.id for no key update of d\n), connected as (\n  update devices d set connection_no = d.connection_no + 1\n  from locked l where d.id = l.id\n  returning l.n, d.connection_no, l.last_seen_at\n)\nselect n as \"n!\", 'valid' as \"state!\", connection_no as \"connectionNo?\", last_seen_at as \"lastSeenAt?\" from connected\nunion all\nselect n, state, null, null from judged where state <> 'valid'"};

/**
 * Query generated from SQL:
 * ```
 * -- Judges the sessions, devices and accounts of connections, and gives each connection its number. A device occurs once. When
 * -- it was last seen is not written: only who is let in and told everything has been here.
 * -- Rows are locked in id order, so that two batches can't deadlock.
 * -- One after the other by index (`offset 0`): left to choose, PostgreSQL reads all sessions there are, until there are very many.
 * with judged as (
 *   select a.n, one.device_id, one.last_seen_at, one.state
 *   from unnest(:sessionIds!::text::uuid[], :deviceIds!::text::uuid[], :userIds!::text::uuid[])
 *     with ordinality as a (session_id, device_id, user_id, n)
 *   cross join lateral (
 *     select d.id as device_id, d.last_seen_at,
 *       case
 *         when u.deleted_at is not null then 'deleted'
 *         when u.suspended_at is not null then 'suspended'
 *         when d.revoked_at is not null then 'revoked'
 *         when s.ended_at is not null then s.ended_reason
 *         else 'valid'
 *       end as state
 *     from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
 *     where s.id = a.session_id and s.device_id = a.device_id and s.user_id = a.user_id offset 0) one
 * ), locked as (
 *   select d.id, j.n, j.last_seen_at from judged j join devices d on d.id = j.device_id
 *   where j.state = 'valid' order by d.id for no key update of d
 * ), connected as (
 *   update devices d set connection_no = d.connection_no + 1
 *   from locked l where d.id = l.id
 *   returning l.n, d.connection_no, l.last_seen_at
 * )
 * select n as "n!", 'valid' as "state!", connection_no as "connectionNo?", last_seen_at as "lastSeenAt?" from connected
 * union all
 * select n, state, null, null from judged where state <> 'valid'
 * ```
 */
export const helloDevices = new PreparedQuery<IHelloDevicesParams,IHelloDevicesResult>(helloDevicesIR);


/** 'Positions' parameters type */
export interface IPositionsParams {
  deviceIds: string;
  userIds: string;
}

/** 'Positions' return type */
export interface IPositionsResult {
  conversationId: string;
  cursor: number;
  lastSeq: number;
  n: number;
}

/** 'Positions' query type */
export interface IPositionsQuery {
  params: IPositionsParams;
  result: IPositionsResult;
}

const positionsIR: any = {"usedParamSet":{"userIds":true,"deviceIds":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":179,"b":187}]},{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":204,"b":214}]}],"statement":"-- Where devices stand in each of their users' conversations, newest activity first.\nselect a.n as \"n!\", mine.conversation_id, mine.last_seq, mine.cursor as \"cursor!\"\nfrom unnest(:userIds!::text::uuid[], :deviceIds!::text::uuid[]) with ordinality as a (user_id, device_id, n)\ncross join lateral (\n  select p.conversation_id, c.last_seq, c.last_at, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as cursor\n  from conversation_participants p join conversations c on c.id = p.conversation_id\n  left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = a.device_id\n  where p.user_id = a.user_id and p.left_at is null offset 0) mine\norder by mine.last_at desc"};

/**
 * Query generated from SQL:
 * ```
 * -- Where devices stand in each of their users' conversations, newest activity first.
 * select a.n as "n!", mine.conversation_id, mine.last_seq, mine.cursor as "cursor!"
 * from unnest(:userIds!::text::uuid[], :deviceIds!::text::uuid[]) with ordinality as a (user_id, device_id, n)
 * cross join lateral (
 *   select p.conversation_id, c.last_seq, c.last_at, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as cursor
 *   from conversation_participants p join conversations c on c.id = p.conversation_id
 *   left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = a.device_id
 *   where p.user_id = a.user_id and p.left_at is null offset 0) mine
 * order by mine.last_at desc
 * ```
 */
export const positions = new PreparedQuery<IPositionsParams,IPositionsResult>(positionsIR);


/** 'Position' parameters type */
export interface IPositionParams {
  conversationId: string;
  deviceId: string;
  userId: string;
}

/** 'Position' return type */
export interface IPositionResult {
  conversationId: string;
  cursor: number;
  lastSeq: number;
}

/** 'Position' query type */
export interface IPositionQuery {
  params: IPositionParams;
  result: IPositionResult;
}

const positionIR: any = {"usedParamSet":{"deviceId":true,"userId":true,"conversationId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":307,"b":316}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":336,"b":343}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":369,"b":384}]}],"statement":"-- The same for one conversation.\nselect p.conversation_id, c.last_seq, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as \"cursor!\"\nfrom conversation_participants p\njoin conversations c on c.id = p.conversation_id\nleft join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = :deviceId!\nwhere p.user_id = :userId! and p.conversation_id = :conversationId! and p.left_at is null"};

/**
 * Query generated from SQL:
 * ```
 * -- The same for one conversation.
 * select p.conversation_id, c.last_seq, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as "cursor!"
 * from conversation_participants p
 * join conversations c on c.id = p.conversation_id
 * left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = :deviceId!
 * where p.user_id = :userId! and p.conversation_id = :conversationId! and p.left_at is null
 * ```
 */
export const position = new PreparedQuery<IPositionParams,IPositionResult>(positionIR);


/** 'Heads' parameters type */
export interface IHeadsParams {
  userIds: string;
}

/** 'Heads' return type */
export interface IHeadsResult {
  conversationId: string;
  lastSeq: number;
  userId: string;
}

/** 'Heads' query type */
export interface IHeadsQuery {
  params: IHeadsParams;
  result: IHeadsResult;
}

const headsIR: any = {"usedParamSet":{"userIds":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":388,"b":396}]}],"statement":"-- The heads of all conversations of some users, for the position check of many connections at once.\n-- User by user, by index: left to choose, PostgreSQL believed statistics from before the first messages (`last_seq > 0`:\n-- nobody) and looked every user up once for each conversation there is, for eight seconds.\nselect u.user_id as \"userId!\", p.conversation_id, c.last_seq\nfrom unnest(:userIds!::text::uuid[]) as u (user_id)\ncross join lateral (\n  select p.conversation_id from conversation_participants p\n  where p.user_id = u.user_id and p.left_at is null offset 0\n) p\ncross join lateral (\n  select c.last_seq from conversations c where c.id = p.conversation_id and c.last_seq > 0 offset 0\n) c"};

/**
 * Query generated from SQL:
 * ```
 * -- The heads of all conversations of some users, for the position check of many connections at once.
 * -- User by user, by index: left to choose, PostgreSQL believed statistics from before the first messages (`last_seq > 0`:
 * -- nobody) and looked every user up once for each conversation there is, for eight seconds.
 * select u.user_id as "userId!", p.conversation_id, c.last_seq
 * from unnest(:userIds!::text::uuid[]) as u (user_id)
 * cross join lateral (
 *   select p.conversation_id from conversation_participants p
 *   where p.user_id = u.user_id and p.left_at is null offset 0
 * ) p
 * cross join lateral (
 *   select c.last_seq from conversations c where c.id = p.conversation_id and c.last_seq > 0 offset 0
 * ) c
 * ```
 */
export const heads = new PreparedQuery<IHeadsParams,IHeadsResult>(headsIR);


/** 'TouchDevices' parameters type */
export interface ITouchDevicesParams {
  deviceIds: string;
  heard: string;
}

/** 'TouchDevices' return type */
export interface ITouchDevicesResult {
  connectionNo: number;
  id: string;
}

/** 'TouchDevices' query type */
export interface ITouchDevicesQuery {
  params: ITouchDevicesParams;
  result: ITouchDevicesResult;
}

const touchDevicesIR: any = {"usedParamSet":{"deviceIds":true,"heard":true},"params":[{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":193,"b":203}]},{"name":"heard","required":true,"transform":{"type":"scalar"},"locs":[{"a":280,"b":286}]}],"statement":"-- When devices were last here; of a deleted account nothing is written any more. The number tells of a newer connection, also when the bus lost the word about it.\nwith asked as (select unnest(:deviceIds!::text::uuid[]) as id),\n  locked as (select id from devices where id = any (:heard!::text::uuid[]) and revoked_at is null order by id for no key update),\n  touched as (update devices d set last_seen_at = now() from locked l where d.id = l.id)\nselect d.id, d.connection_no from asked join devices d on d.id = asked.id"};

/**
 * Query generated from SQL:
 * ```
 * -- When devices were last here; of a deleted account nothing is written any more. The number tells of a newer connection, also when the bus lost the word about it.
 * with asked as (select unnest(:deviceIds!::text::uuid[]) as id),
 *   locked as (select id from devices where id = any (:heard!::text::uuid[]) and revoked_at is null order by id for no key update),
 *   touched as (update devices d set last_seen_at = now() from locked l where d.id = l.id)
 * select d.id, d.connection_no from asked join devices d on d.id = asked.id
 * ```
 */
export const touchDevices = new PreparedQuery<ITouchDevicesParams,ITouchDevicesResult>(touchDevicesIR);


