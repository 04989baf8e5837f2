/** Types generated for queries found in "sql/queries/sessions.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'InsertDevice' parameters type */
export interface IInsertDeviceParams {
  name: string;
  userId: string;
}

/** 'InsertDevice' return type */
export interface IInsertDeviceResult {
  id: string;
}

/** 'InsertDevice' query type */
export interface IInsertDeviceQuery {
  params: IInsertDeviceParams;
  result: IInsertDeviceResult;
}

const insertDeviceIR: any = {"usedParamSet":{"userId":true,"name":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":112,"b":119}]},{"name":"name","required":true,"transform":{"type":"scalar"},"locs":[{"a":122,"b":127}]}],"statement":"-- It has not been here yet: that begins with its first connection.\ninsert into devices (user_id, name) values (:userId!, :name!) returning id"};

/**
 * Query generated from SQL:
 * ```
 * -- It has not been here yet: that begins with its first connection.
 * insert into devices (user_id, name) values (:userId!, :name!) returning id
 * ```
 */
export const insertDevice = new PreparedQuery<IInsertDeviceParams,IInsertDeviceResult>(insertDeviceIR);


/** 'InsertCursors' parameters type */
export interface IInsertCursorsParams {
  deviceId: string;
  userId: string;
}

/** 'InsertCursors' return type */
export type IInsertCursorsResult = void;

/** 'InsertCursors' query type */
export interface IInsertCursorsQuery {
  params: IInsertCursorsParams;
  result: IInsertCursorsResult;
}

const insertCursorsIR: any = {"usedParamSet":{"deviceId":true,"userId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":168,"b":177}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":241,"b":248}]}],"statement":"-- A new device has nothing to catch up on but what no device of its user has yet.\ninsert into device_cursors (conversation_id, device_id, seq)\nselect conversation_id, :deviceId!, delivered_seq from conversation_participants\nwhere user_id = :userId! and left_at is null\non conflict do nothing"};

/**
 * Query generated from SQL:
 * ```
 * -- A new device has nothing to catch up on but what no device of its user has yet.
 * insert into device_cursors (conversation_id, device_id, seq)
 * select conversation_id, :deviceId!, delivered_seq from conversation_participants
 * where user_id = :userId! and left_at is null
 * on conflict do nothing
 * ```
 */
export const insertCursors = new PreparedQuery<IInsertCursorsParams,IInsertCursorsResult>(insertCursorsIR);


/** 'RenameDevice' parameters type */
export interface IRenameDeviceParams {
  id: string;
  name: string;
}

/** 'RenameDevice' return type */
export type IRenameDeviceResult = void;

/** 'RenameDevice' query type */
export interface IRenameDeviceQuery {
  params: IRenameDeviceParams;
  result: IRenameDeviceResult;
}

const renameDeviceIR: any = {"usedParamSet":{"name":true,"id":true},"params":[{"name":"name","required":true,"transform":{"type":"scalar"},"locs":[{"a":26,"b":31}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":44,"b":47}]}],"statement":"update devices set name = :name! where id = :id!"};

/**
 * Query generated from SQL:
 * ```
 * update devices set name = :name! where id = :id!
 * ```
 */
export const renameDevice = new PreparedQuery<IRenameDeviceParams,IRenameDeviceResult>(renameDeviceIR);


/** 'InsertSession' parameters type */
export interface IInsertSessionParams {
  deviceId: string;
  id: string;
  refreshHash: Uint8Array;
  reuseKey: Uint8Array;
  userId: string;
}

/** 'InsertSession' return type */
export type IInsertSessionResult = void;

/** 'InsertSession' query type */
export interface IInsertSessionQuery {
  params: IInsertSessionParams;
  result: IInsertSessionResult;
}

const insertSessionIR: any = {"usedParamSet":{"id":true,"userId":true,"deviceId":true,"refreshHash":true,"reuseKey":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":152,"b":155}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":158,"b":165}]},{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":168,"b":177}]},{"name":"refreshHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":180,"b":192}]},{"name":"reuseKey","required":true,"transform":{"type":"scalar"},"locs":[{"a":195,"b":204}]}],"statement":"-- A refresh token carries the id of its session, so the id comes first.\ninsert into sessions (id, user_id, device_id, refresh_hash, reuse_key)\nvalues (:id!, :userId!, :deviceId!, :refreshHash!, :reuseKey!)"};

/**
 * Query generated from SQL:
 * ```
 * -- A refresh token carries the id of its session, so the id comes first.
 * insert into sessions (id, user_id, device_id, refresh_hash, reuse_key)
 * values (:id!, :userId!, :deviceId!, :refreshHash!, :reuseKey!)
 * ```
 */
export const insertSession = new PreparedQuery<IInsertSessionParams,IInsertSessionResult>(insertSessionIR);


/** 'FindSession' parameters type */
export interface IFindSessionParams {
  id: string;
}

/** 'FindSession' return type */
export interface IFindSessionResult {
  deletedAt: Date | null;
  deviceId: string;
  deviceName: string;
  email: string | null;
  endedReason: string | null;
  id: string;
  nextHash: Buffer | null;
  nextSealed: Buffer | null;
  previousHash: Buffer | null;
  refreshedAt: Date;
  refreshHash: Buffer | null;
  reuseKey: Buffer | null;
  revokedAt: Date | null;
  suspendedAt: Date | null;
  userId: string;
  username: string;
}

/** 'FindSession' query type */
export interface IFindSessionQuery {
  params: IFindSessionParams;
  result: IFindSessionResult;
}

const findSessionIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":331,"b":334}]}],"statement":"select s.id, s.user_id, s.device_id, s.refresh_hash, s.previous_hash, s.next_hash, s.next_sealed, s.reuse_key,\n  s.refreshed_at, s.ended_reason, d.name as device_name, d.revoked_at, u.username, u.email, u.suspended_at, u.deleted_at\nfrom sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id\nwhere s.id = :id!"};

/**
 * Query generated from SQL:
 * ```
 * select s.id, s.user_id, s.device_id, s.refresh_hash, s.previous_hash, s.next_hash, s.next_sealed, s.reuse_key,
 *   s.refreshed_at, s.ended_reason, d.name as device_name, d.revoked_at, u.username, u.email, u.suspended_at, u.deleted_at
 * from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
 * where s.id = :id!
 * ```
 */
export const findSession = new PreparedQuery<IFindSessionParams,IFindSessionResult>(findSessionIR);


/** 'SetSuccessor' parameters type */
export interface ISetSuccessorParams {
  id: string;
  nextHash: Uint8Array;
  nextSealed: Uint8Array;
  presented: Uint8Array;
}

/** 'SetSuccessor' return type */
export interface ISetSuccessorResult {
  id: string;
}

/** 'SetSuccessor' query type */
export interface ISetSuccessorQuery {
  params: ISetSuccessorParams;
  result: ISetSuccessorResult;
}

const setSuccessorIR: any = {"usedParamSet":{"nextHash":true,"nextSealed":true,"id":true,"presented":true},"params":[{"name":"nextHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":32,"b":41}]},{"name":"nextSealed","required":true,"transform":{"type":"scalar"},"locs":[{"a":58,"b":69}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":104,"b":107}]},{"name":"presented","required":true,"transform":{"type":"scalar"},"locs":[{"a":128,"b":138}]}],"statement":"update sessions set next_hash = :nextHash!, next_sealed = :nextSealed!, refreshed_at = now()\nwhere id = :id! and refresh_hash = :presented! and next_hash is null and ended_at is null\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * update sessions set next_hash = :nextHash!, next_sealed = :nextSealed!, refreshed_at = now()
 * where id = :id! and refresh_hash = :presented! and next_hash is null and ended_at is null
 * returning id
 * ```
 */
export const setSuccessor = new PreparedQuery<ISetSuccessorParams,ISetSuccessorResult>(setSuccessorIR);


/** 'PromoteSuccessor' parameters type */
export interface IPromoteSuccessorParams {
  id: string;
  nextHash: Uint8Array;
  nextSealed: Uint8Array;
  presented: Uint8Array;
}

/** 'PromoteSuccessor' return type */
export interface IPromoteSuccessorResult {
  id: string;
}

/** 'PromoteSuccessor' query type */
export interface IPromoteSuccessorQuery {
  params: IPromoteSuccessorParams;
  result: IPromoteSuccessorResult;
}

const promoteSuccessorIR: any = {"usedParamSet":{"nextHash":true,"nextSealed":true,"id":true,"presented":true},"params":[{"name":"nextHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":179,"b":188}]},{"name":"nextSealed","required":true,"transform":{"type":"scalar"},"locs":[{"a":207,"b":218}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":253,"b":256}]},{"name":"presented","required":true,"transform":{"type":"scalar"},"locs":[{"a":274,"b":284}]}],"statement":"-- The successor was presented: it is the current one now, and has a successor of its own.\nupdate sessions set previous_hash = refresh_hash, refresh_hash = next_hash, next_hash = :nextHash!,\n  next_sealed = :nextSealed!, refreshed_at = now()\nwhere id = :id! and next_hash = :presented! and ended_at is null\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- The successor was presented: it is the current one now, and has a successor of its own.
 * update sessions set previous_hash = refresh_hash, refresh_hash = next_hash, next_hash = :nextHash!,
 *   next_sealed = :nextSealed!, refreshed_at = now()
 * where id = :id! and next_hash = :presented! and ended_at is null
 * returning id
 * ```
 */
export const promoteSuccessor = new PreparedQuery<IPromoteSuccessorParams,IPromoteSuccessorResult>(promoteSuccessorIR);


/** 'EndSession' parameters type */
export interface IEndSessionParams {
  id: string;
  reason: string;
}

/** 'EndSession' return type */
export interface IEndSessionResult {
  id: string;
}

/** 'EndSession' query type */
export interface IEndSessionQuery {
  params: IEndSessionParams;
  result: IEndSessionResult;
}

const endSessionIR: any = {"usedParamSet":{"reason":true,"id":true},"params":[{"name":"reason","required":true,"transform":{"type":"scalar"},"locs":[{"a":53,"b":60}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":73,"b":76}]}],"statement":"update sessions set ended_at = now(), ended_reason = :reason! where id = :id! and ended_at is null returning id"};

/**
 * Query generated from SQL:
 * ```
 * update sessions set ended_at = now(), ended_reason = :reason! where id = :id! and ended_at is null returning id
 * ```
 */
export const endSession = new PreparedQuery<IEndSessionParams,IEndSessionResult>(endSessionIR);


/** 'EndSessionsOfDevice' parameters type */
export interface IEndSessionsOfDeviceParams {
  deviceId: string;
  reason: string;
}

/** 'EndSessionsOfDevice' return type */
export interface IEndSessionsOfDeviceResult {
  id: string;
}

/** 'EndSessionsOfDevice' query type */
export interface IEndSessionsOfDeviceQuery {
  params: IEndSessionsOfDeviceParams;
  result: IEndSessionsOfDeviceResult;
}

const endSessionsOfDeviceIR: any = {"usedParamSet":{"reason":true,"deviceId":true},"params":[{"name":"reason","required":true,"transform":{"type":"scalar"},"locs":[{"a":53,"b":60}]},{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":80,"b":89}]}],"statement":"update sessions set ended_at = now(), ended_reason = :reason! where device_id = :deviceId! and ended_at is null returning id"};

/**
 * Query generated from SQL:
 * ```
 * update sessions set ended_at = now(), ended_reason = :reason! where device_id = :deviceId! and ended_at is null returning id
 * ```
 */
export const endSessionsOfDevice = new PreparedQuery<IEndSessionsOfDeviceParams,IEndSessionsOfDeviceResult>(endSessionsOfDeviceIR);


/** 'EndSessionsOfUser' parameters type */
export interface IEndSessionsOfUserParams {
  except?: string | null | void;
  reason: string;
  userId: string;
}

/** 'EndSessionsOfUser' return type */
export interface IEndSessionsOfUserResult {
  id: string;
}

/** 'EndSessionsOfUser' query type */
export interface IEndSessionsOfUserQuery {
  params: IEndSessionsOfUserParams;
  result: IEndSessionsOfUserResult;
}

const endSessionsOfUserIR: any = {"usedParamSet":{"reason":true,"userId":true,"except":true},"params":[{"name":"reason","required":true,"transform":{"type":"scalar"},"locs":[{"a":53,"b":60}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":78,"b":85}]},{"name":"except","required":false,"transform":{"type":"scalar"},"locs":[{"a":113,"b":119},{"a":144,"b":150}]}],"statement":"update sessions set ended_at = now(), ended_reason = :reason!\nwhere user_id = :userId! and ended_at is null and (:except::uuid is null or id <> :except)\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * update sessions set ended_at = now(), ended_reason = :reason!
 * where user_id = :userId! and ended_at is null and (:except::uuid is null or id <> :except)
 * returning id
 * ```
 */
export const endSessionsOfUser = new PreparedQuery<IEndSessionsOfUserParams,IEndSessionsOfUserResult>(endSessionsOfUserIR);


/** 'FindLiveSession' parameters type */
export interface IFindLiveSessionParams {
  id: string;
}

/** 'FindLiveSession' return type */
export interface IFindLiveSessionResult {
  email: string | null;
  id: string;
  role: string;
  suspendedAt: Date | null;
  username: string;
}

/** 'FindLiveSession' query type */
export interface IFindLiveSessionQuery {
  params: IFindLiveSessionParams;
  result: IFindLiveSessionResult;
}

const findLiveSessionIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":191,"b":194}]}],"statement":"-- What an access token stands on.\nselect s.id, u.username, u.email, u.role, u.suspended_at\nfrom sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id\nwhere s.id = :id! and s.ended_at is null and d.revoked_at is null and u.deleted_at is null"};

/**
 * Query generated from SQL:
 * ```
 * -- What an access token stands on.
 * select s.id, u.username, u.email, u.role, u.suspended_at
 * from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
 * where s.id = :id! and s.ended_at is null and d.revoked_at is null and u.deleted_at is null
 * ```
 */
export const findLiveSession = new PreparedQuery<IFindLiveSessionParams,IFindLiveSessionResult>(findLiveSessionIR);


/** 'LockCredentials' parameters type */
export interface ILockCredentialsParams {
  id: string;
  passwordHash: string;
}

/** 'LockCredentials' return type */
export interface ILockCredentialsResult {
  email: string | null;
  username: string;
}

/** 'LockCredentials' query type */
export interface ILockCredentialsQuery {
  params: ILockCredentialsParams;
  result: ILockCredentialsResult;
}

const lockCredentialsIR: any = {"usedParamSet":{"id":true,"passwordHash":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":144,"b":147}]},{"name":"passwordHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":169,"b":182}]}],"statement":"-- No row: the password has changed since it was compared, or the account may not log in any more.\nselect username, email from users\nwhere id = :id! and password_hash = :passwordHash! and suspended_at is null and deleted_at is null for share"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the password has changed since it was compared, or the account may not log in any more.
 * select username, email from users
 * where id = :id! and password_hash = :passwordHash! and suspended_at is null and deleted_at is null for share
 * ```
 */
export const lockCredentials = new PreparedQuery<ILockCredentialsParams,ILockCredentialsResult>(lockCredentialsIR);


/** 'FindDevice' parameters type */
export interface IFindDeviceParams {
  id: string;
  userId: string;
}

/** 'FindDevice' return type */
export interface IFindDeviceResult {
  id: string;
  name: string;
}

/** 'FindDevice' query type */
export interface IFindDeviceQuery {
  params: IFindDeviceParams;
  result: IFindDeviceResult;
}

const findDeviceIR: any = {"usedParamSet":{"id":true,"userId":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":43}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":59,"b":66}]}],"statement":"select id, name from devices where id = :id! and user_id = :userId! and revoked_at is null"};

/**
 * Query generated from SQL:
 * ```
 * select id, name from devices where id = :id! and user_id = :userId! and revoked_at is null
 * ```
 */
export const findDevice = new PreparedQuery<IFindDeviceParams,IFindDeviceResult>(findDeviceIR);


