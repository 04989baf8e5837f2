/** Types generated for queries found in "sql/queries/people.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'ListDevices' parameters type */
export interface IListDevicesParams {
  userId: string;
}

/** 'ListDevices' return type */
export interface IListDevicesResult {
  createdAt: Date;
  id: string;
  lastSeenAt: Date | null;
  name: string;
}

/** 'ListDevices' query type */
export interface IListDevicesQuery {
  params: IListDevicesParams;
  result: IListDevicesResult;
}

const listDevicesIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":71,"b":78}]}],"statement":"select id, name, created_at, last_seen_at from devices where user_id = :userId! and revoked_at is null\norder by created_at, id"};

/**
 * Query generated from SQL:
 * ```
 * select id, name, created_at, last_seen_at from devices where user_id = :userId! and revoked_at is null
 * order by created_at, id
 * ```
 */
export const listDevices = new PreparedQuery<IListDevicesParams,IListDevicesResult>(listDevicesIR);


/** 'RevokeDevice' parameters type */
export interface IRevokeDeviceParams {
  deviceId: string;
  userId: string;
}

/** 'RevokeDevice' return type */
export interface IRevokeDeviceResult {
  name: string;
}

/** 'RevokeDevice' query type */
export interface IRevokeDeviceQuery {
  params: IRevokeDeviceParams;
  result: IRevokeDeviceResult;
}

const revokeDeviceIR: any = {"usedParamSet":{"deviceId":true,"userId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":105,"b":114}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":130,"b":137}]}],"statement":"-- No row: it isn't this user's, or was revoked before.\nupdate devices set revoked_at = now() where id = :deviceId! and user_id = :userId! and revoked_at is null returning name"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: it isn't this user's, or was revoked before.
 * update devices set revoked_at = now() where id = :deviceId! and user_id = :userId! and revoked_at is null returning name
 * ```
 */
export const revokeDevice = new PreparedQuery<IRevokeDeviceParams,IRevokeDeviceResult>(revokeDeviceIR);


/** 'FindContacts' parameters type */
export interface IFindContactsParams {
  max: number;
  userId: string;
}

/** 'FindContacts' return type */
export interface IFindContactsResult {
  userId: string | null;
}

/** 'FindContacts' query type */
export interface IFindContactsQuery {
  params: IFindContactsParams;
  result: IFindContactsResult;
}

const findContactsIR: any = {"usedParamSet":{"userId":true,"max":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":266,"b":273},{"a":462,"b":469}]},{"name":"max","required":true,"transform":{"type":"scalar"},"locs":[{"a":483,"b":487}]}],"statement":"-- Whoever shares a conversation with this user, and the user; the most recent conversations first.\nselect distinct other.user_id from (\n  select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id\n  where p.user_id = :userId! and p.left_at is null order by c.last_at desc limit 1000) mine\njoin conversation_participants other on other.conversation_id = mine.conversation_id and other.left_at is null\nunion select :userId!::uuid\nlimit :max!::integer"};

/**
 * Query generated from SQL:
 * ```
 * -- Whoever shares a conversation with this user, and the user; the most recent conversations first.
 * select distinct other.user_id from (
 *   select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id
 *   where p.user_id = :userId! and p.left_at is null order by c.last_at desc limit 1000) mine
 * join conversation_participants other on other.conversation_id = mine.conversation_id and other.left_at is null
 * union select :userId!::uuid
 * limit :max!::integer
 * ```
 */
export const findContacts = new PreparedQuery<IFindContactsParams,IFindContactsResult>(findContactsIR);


/** 'FindProfile' parameters type */
export interface IFindProfileParams {
  id?: string | null | void;
  username?: string | null | void;
}

/** 'FindProfile' return type */
export interface IFindProfileResult {
  about: string;
  avatar: Buffer | null;
  avatarType: string | null;
  displayName: string;
  id: string;
  username: string;
}

/** 'FindProfile' query type */
export interface IFindProfileQuery {
  params: IFindProfileParams;
  result: IFindProfileResult;
}

const findProfileIR: any = {"usedParamSet":{"id":true,"username":true},"params":[{"name":"id","required":false,"transform":{"type":"scalar"},"locs":[{"a":108,"b":110}]},{"name":"username","required":false,"transform":{"type":"scalar"},"locs":[{"a":126,"b":134}]}],"statement":"select id, username, display_name, about, avatar_type, avatar from users\nwhere deleted_at is null and (id = :id or username = :username)"};

/**
 * Query generated from SQL:
 * ```
 * select id, username, display_name, about, avatar_type, avatar from users
 * where deleted_at is null and (id = :id or username = :username)
 * ```
 */
export const findProfile = new PreparedQuery<IFindProfileParams,IFindProfileResult>(findProfileIR);


/** 'UpdateProfile' parameters type */
export interface IUpdateProfileParams {
  about?: string | null | void;
  avatar?: Uint8Array | null | void;
  avatarGiven: boolean;
  avatarType?: string | null | void;
  displayName?: string | null | void;
  sessionId: string;
}

/** 'UpdateProfile' return type */
export interface IUpdateProfileResult {
  about: string;
  avatar: Buffer | null;
  avatarType: string | null;
  displayName: string;
  id: string;
  username: string;
}

/** 'UpdateProfile' query type */
export interface IUpdateProfileQuery {
  params: IUpdateProfileParams;
  result: IUpdateProfileResult;
}

const updateProfileIR: any = {"usedParamSet":{"displayName":true,"about":true,"avatarGiven":true,"avatarType":true,"avatar":true,"sessionId":true},"params":[{"name":"displayName","required":false,"transform":{"type":"scalar"},"locs":[{"a":98,"b":109}]},{"name":"about","required":false,"transform":{"type":"scalar"},"locs":[{"a":148,"b":153}]},{"name":"avatarGiven","required":true,"transform":{"type":"scalar"},"locs":[{"a":192,"b":204},{"a":277,"b":289}]},{"name":"avatarType","required":false,"transform":{"type":"scalar"},"locs":[{"a":220,"b":230}]},{"name":"avatar","required":false,"transform":{"type":"scalar"},"locs":[{"a":305,"b":311}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":422,"b":432}]}],"statement":"-- No row: the session, device or account has ended.\nupdate users u set\n  display_name = coalesce(:displayName, u.display_name),\n  about = coalesce(:about, u.about),\n  avatar_type = case when :avatarGiven!::boolean then :avatarType else u.avatar_type end,\n  avatar = case when :avatarGiven!::boolean then :avatar else u.avatar end\nfrom sessions s join devices d on d.id = s.device_id and d.revoked_at is null\nwhere s.id = :sessionId! and s.ended_at is null and u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\nreturning u.id, u.username, u.display_name, u.about, u.avatar_type, u.avatar"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the session, device or account has ended.
 * update users u set
 *   display_name = coalesce(:displayName, u.display_name),
 *   about = coalesce(:about, u.about),
 *   avatar_type = case when :avatarGiven!::boolean then :avatarType else u.avatar_type end,
 *   avatar = case when :avatarGiven!::boolean then :avatar else u.avatar end
 * from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
 * where s.id = :sessionId! and s.ended_at is null and u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * returning u.id, u.username, u.display_name, u.about, u.avatar_type, u.avatar
 * ```
 */
export const updateProfile = new PreparedQuery<IUpdateProfileParams,IUpdateProfileResult>(updateProfileIR);


/** 'TouchConversations' parameters type */
export interface ITouchConversationsParams {
  max: number;
  userId: string;
}

/** 'TouchConversations' return type */
export interface ITouchConversationsResult {
  id: string;
}

/** 'TouchConversations' query type */
export interface ITouchConversationsQuery {
  params: ITouchConversationsParams;
  result: ITouchConversationsResult;
}

const touchConversationsIR: any = {"usedParamSet":{"userId":true,"max":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":403,"b":410}]},{"name":"max","required":true,"transform":{"type":"scalar"},"locs":[{"a":483,"b":487}]}],"statement":"-- The most recent conversations of a person, whose members are to be told that the person is called otherwise. Locked in\n-- the order in which everybody locks them.\nupdate conversations c set changed_at = now() from (\n  select k.id from conversations k where k.id in (\n    select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id\n    where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer)\n  order by k.id for no key update) mine\nwhere c.id = mine.id\nreturning c.id"};

/**
 * Query generated from SQL:
 * ```
 * -- The most recent conversations of a person, whose members are to be told that the person is called otherwise. Locked in
 * -- the order in which everybody locks them.
 * update conversations c set changed_at = now() from (
 *   select k.id from conversations k where k.id in (
 *     select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id
 *     where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer)
 *   order by k.id for no key update) mine
 * where c.id = mine.id
 * returning c.id
 * ```
 */
export const touchConversations = new PreparedQuery<ITouchConversationsParams,ITouchConversationsResult>(touchConversationsIR);


/** 'InsertBlock' parameters type */
export interface IInsertBlockParams {
  blockedId: string;
  sessionId: string;
}

/** 'InsertBlock' return type */
export interface IInsertBlockResult {
  found: boolean;
}

/** 'InsertBlock' query type */
export interface IInsertBlockQuery {
  params: IInsertBlockParams;
  result: IInsertBlockResult;
}

const insertBlockIR: any = {"usedParamSet":{"sessionId":true,"blockedId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":298,"b":308}]},{"name":"blockedId","required":true,"transform":{"type":"scalar"},"locs":[{"a":379,"b":389}]}],"statement":"-- No row: the session, device or account has ended. `found`: there is such a person.\nwith me as (\n  select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null\n  join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\n  where s.id = :sessionId! and s.ended_at is null\n), target as (select id from users where id = :blockedId! and deleted_at is null), added as (\n  insert into blocks (user_id, blocked_id) select me.user_id, target.id from me, target on conflict do nothing)\nselect exists (select from target) as \"found!\" from me"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the session, device or account has ended. `found`: there is such a person.
 * with me as (
 *   select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
 *   join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 *   where s.id = :sessionId! and s.ended_at is null
 * ), target as (select id from users where id = :blockedId! and deleted_at is null), added as (
 *   insert into blocks (user_id, blocked_id) select me.user_id, target.id from me, target on conflict do nothing)
 * select exists (select from target) as "found!" from me
 * ```
 */
export const insertBlock = new PreparedQuery<IInsertBlockParams,IInsertBlockResult>(insertBlockIR);


/** 'DeleteBlock' parameters type */
export interface IDeleteBlockParams {
  blockedId: string;
  sessionId: string;
}

/** 'DeleteBlock' return type */
export interface IDeleteBlockResult {
  userId: string;
}

/** 'DeleteBlock' query type */
export interface IDeleteBlockQuery {
  params: IDeleteBlockParams;
  result: IDeleteBlockResult;
}

const deleteBlockIR: any = {"usedParamSet":{"sessionId":true,"blockedId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":265,"b":275}]},{"name":"blockedId","required":true,"transform":{"type":"scalar"},"locs":[{"a":390,"b":400}]}],"statement":"-- No row: the session, device or account has ended.\nwith me as (\n  select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null\n  join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\n  where s.id = :sessionId! and s.ended_at is null\n), gone as (delete from blocks b using me where b.user_id = me.user_id and b.blocked_id = :blockedId!)\nselect user_id from me"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the session, device or account has ended.
 * with me as (
 *   select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
 *   join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 *   where s.id = :sessionId! and s.ended_at is null
 * ), gone as (delete from blocks b using me where b.user_id = me.user_id and b.blocked_id = :blockedId!)
 * select user_id from me
 * ```
 */
export const deleteBlock = new PreparedQuery<IDeleteBlockParams,IDeleteBlockResult>(deleteBlockIR);


