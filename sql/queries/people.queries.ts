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


/** 'RaiseDevicesVersion' parameters type */
export interface IRaiseDevicesVersionParams {
  userId: string;
}

/** 'RaiseDevicesVersion' return type */
export interface IRaiseDevicesVersionResult {
  keysVersion: number;
}

/** 'RaiseDevicesVersion' query type */
export interface IRaiseDevicesVersionQuery {
  params: IRaiseDevicesVersionParams;
  result: IRaiseDevicesVersionResult;
}

const raiseDevicesVersionIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":60,"b":67}]}],"statement":"update users set keys_version = keys_version + 1 where id = :userId! returning keys_version"};

/**
 * Query generated from SQL:
 * ```
 * update users set keys_version = keys_version + 1 where id = :userId! returning keys_version
 * ```
 */
export const raiseDevicesVersion = new PreparedQuery<IRaiseDevicesVersionParams,IRaiseDevicesVersionResult>(raiseDevicesVersionIR);


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
  id: string;
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

const updateProfileIR: any = {"usedParamSet":{"displayName":true,"about":true,"avatarGiven":true,"avatarType":true,"avatar":true,"id":true},"params":[{"name":"displayName","required":false,"transform":{"type":"scalar"},"locs":[{"a":43,"b":54}]},{"name":"about","required":false,"transform":{"type":"scalar"},"locs":[{"a":91,"b":96}]},{"name":"avatarGiven","required":true,"transform":{"type":"scalar"},"locs":[{"a":133,"b":145},{"a":216,"b":228}]},{"name":"avatarType","required":false,"transform":{"type":"scalar"},"locs":[{"a":161,"b":171}]},{"name":"avatar","required":false,"transform":{"type":"scalar"},"locs":[{"a":244,"b":250}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":279,"b":282}]}],"statement":"update users set\n  display_name = coalesce(:displayName, display_name),\n  about = coalesce(:about, about),\n  avatar_type = case when :avatarGiven!::boolean then :avatarType else avatar_type end,\n  avatar = case when :avatarGiven!::boolean then :avatar else avatar end\nwhere id = :id! and deleted_at is null\nreturning id, username, display_name, about, avatar_type, avatar"};

/**
 * Query generated from SQL:
 * ```
 * update users set
 *   display_name = coalesce(:displayName, display_name),
 *   about = coalesce(:about, about),
 *   avatar_type = case when :avatarGiven!::boolean then :avatarType else avatar_type end,
 *   avatar = case when :avatarGiven!::boolean then :avatar else avatar end
 * where id = :id! and deleted_at is null
 * returning id, username, display_name, about, avatar_type, avatar
 * ```
 */
export const updateProfile = new PreparedQuery<IUpdateProfileParams,IUpdateProfileResult>(updateProfileIR);


/** 'InsertBlock' parameters type */
export interface IInsertBlockParams {
  blockedId: string;
  userId: string;
}

/** 'InsertBlock' return type */
export interface IInsertBlockResult {
  id: string;
}

/** 'InsertBlock' query type */
export interface IInsertBlockQuery {
  params: IInsertBlockParams;
  result: IInsertBlockResult;
}

const insertBlockIR: any = {"usedParamSet":{"blockedId":true,"userId":true},"params":[{"name":"blockedId","required":true,"transform":{"type":"scalar"},"locs":[{"a":84,"b":94}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":182,"b":189}]}],"statement":"-- No row: there is no such person.\nwith target as (select id from users where id = :blockedId! and deleted_at is null), added as (\n  insert into blocks (user_id, blocked_id) select :userId!, id from target on conflict do nothing)\nselect id from target"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: there is no such person.
 * with target as (select id from users where id = :blockedId! and deleted_at is null), added as (
 *   insert into blocks (user_id, blocked_id) select :userId!, id from target on conflict do nothing)
 * select id from target
 * ```
 */
export const insertBlock = new PreparedQuery<IInsertBlockParams,IInsertBlockResult>(insertBlockIR);


/** 'DeleteBlock' parameters type */
export interface IDeleteBlockParams {
  blockedId: string;
  userId: string;
}

/** 'DeleteBlock' return type */
export type IDeleteBlockResult = void;

/** 'DeleteBlock' query type */
export interface IDeleteBlockQuery {
  params: IDeleteBlockParams;
  result: IDeleteBlockResult;
}

const deleteBlockIR: any = {"usedParamSet":{"userId":true,"blockedId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":35,"b":42}]},{"name":"blockedId","required":true,"transform":{"type":"scalar"},"locs":[{"a":61,"b":71}]}],"statement":"delete from blocks where user_id = :userId! and blocked_id = :blockedId!"};

/**
 * Query generated from SQL:
 * ```
 * delete from blocks where user_id = :userId! and blocked_id = :blockedId!
 * ```
 */
export const deleteBlock = new PreparedQuery<IDeleteBlockParams,IDeleteBlockResult>(deleteBlockIR);


