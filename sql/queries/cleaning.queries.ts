/** Types generated for queries found in "sql/queries/cleaning.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'DeleteExpiredRegistrations' parameters type */
export interface IDeleteExpiredRegistrationsParams {
  limit: number;
}

/** 'DeleteExpiredRegistrations' return type */
export type IDeleteExpiredRegistrationsResult = void;

/** 'DeleteExpiredRegistrations' query type */
export interface IDeleteExpiredRegistrationsQuery {
  params: IDeleteExpiredRegistrationsParams;
  result: IDeleteExpiredRegistrationsResult;
}

const deleteExpiredRegistrationsIR: any = {"usedParamSet":{"limit":true},"params":[{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":118,"b":124}]}],"statement":"delete from pending_registrations where id in (\n  select id from pending_registrations where expires_at < now() limit :limit!)"};

/**
 * Query generated from SQL:
 * ```
 * delete from pending_registrations where id in (
 *   select id from pending_registrations where expires_at < now() limit :limit!)
 * ```
 */
export const deleteExpiredRegistrations = new PreparedQuery<IDeleteExpiredRegistrationsParams,IDeleteExpiredRegistrationsResult>(deleteExpiredRegistrationsIR);


/** 'DeleteExpiredLinks' parameters type */
export interface IDeleteExpiredLinksParams {
  limit: number;
}

/** 'DeleteExpiredLinks' return type */
export type IDeleteExpiredLinksResult = void;

/** 'DeleteExpiredLinks' query type */
export interface IDeleteExpiredLinksQuery {
  params: IDeleteExpiredLinksParams;
  result: IDeleteExpiredLinksResult;
}

const deleteExpiredLinksIR: any = {"usedParamSet":{"limit":true},"params":[{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":99,"b":105}]}],"statement":"delete from link_tokens where hash in (select hash from link_tokens where expires_at < now() limit :limit!)"};

/**
 * Query generated from SQL:
 * ```
 * delete from link_tokens where hash in (select hash from link_tokens where expires_at < now() limit :limit!)
 * ```
 */
export const deleteExpiredLinks = new PreparedQuery<IDeleteExpiredLinksParams,IDeleteExpiredLinksResult>(deleteExpiredLinksIR);


/** 'DeleteFinishedMails' parameters type */
export interface IDeleteFinishedMailsParams {
  limit: number;
}

/** 'DeleteFinishedMails' return type */
export type IDeleteFinishedMailsResult = void;

/** 'DeleteFinishedMails' query type */
export interface IDeleteFinishedMailsQuery {
  params: IDeleteFinishedMailsParams;
  result: IDeleteFinishedMailsResult;
}

const deleteFinishedMailsIR: any = {"usedParamSet":{"limit":true},"params":[{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":143,"b":149}]}],"statement":"delete from mail_outbox where id in (\n  select id from mail_outbox where state <> 'waiting' and finished_at < now() - interval '30 days' limit :limit!)"};

/**
 * Query generated from SQL:
 * ```
 * delete from mail_outbox where id in (
 *   select id from mail_outbox where state <> 'waiting' and finished_at < now() - interval '30 days' limit :limit!)
 * ```
 */
export const deleteFinishedMails = new PreparedQuery<IDeleteFinishedMailsParams,IDeleteFinishedMailsResult>(deleteFinishedMailsIR);


/** 'UnusedDevices' parameters type */
export interface IUnusedDevicesParams {
  limit: number;
  unusedDays: number;
}

/** 'UnusedDevices' return type */
export interface IUnusedDevicesResult {
  id: string;
  userId: string;
}

/** 'UnusedDevices' query type */
export interface IUnusedDevicesQuery {
  params: IUnusedDevicesParams;
  result: IUnusedDevicesResult;
}

const unusedDevicesIR: any = {"usedParamSet":{"unusedDays":true,"limit":true},"params":[{"name":"unusedDays","required":true,"transform":{"type":"scalar"},"locs":[{"a":118,"b":129},{"a":254,"b":265}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":316,"b":322}]}],"statement":"select d.id, d.user_id from devices d\nwhere d.revoked_at is null and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'\n  and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')\norder by d.id limit :limit!"};

/**
 * Query generated from SQL:
 * ```
 * select d.id, d.user_id from devices d
 * where d.revoked_at is null and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'
 *   and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')
 * order by d.id limit :limit!
 * ```
 */
export const unusedDevices = new PreparedQuery<IUnusedDevicesParams,IUnusedDevicesResult>(unusedDevicesIR);


/** 'LockUserOfDevice' parameters type */
export interface ILockUserOfDeviceParams {
  userId: string;
}

/** 'LockUserOfDevice' return type */
export interface ILockUserOfDeviceResult {
  id: string;
}

/** 'LockUserOfDevice' query type */
export interface ILockUserOfDeviceQuery {
  params: ILockUserOfDeviceParams;
  result: ILockUserOfDeviceResult;
}

const lockUserOfDeviceIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":107,"b":114}]}],"statement":"-- Before the device, in the order in which everybody locks the two.\nselect u.id from users u where u.id = :userId! for no key update"};

/**
 * Query generated from SQL:
 * ```
 * -- Before the device, in the order in which everybody locks the two.
 * select u.id from users u where u.id = :userId! for no key update
 * ```
 */
export const lockUserOfDevice = new PreparedQuery<ILockUserOfDeviceParams,ILockUserOfDeviceResult>(lockUserOfDeviceIR);


/** 'RevokeUnusedDevice' parameters type */
export interface IRevokeUnusedDeviceParams {
  id: string;
  unusedDays: number;
}

/** 'RevokeUnusedDevice' return type */
export interface IRevokeUnusedDeviceResult {
  version: number;
}

/** 'RevokeUnusedDevice' query type */
export interface IRevokeUnusedDeviceQuery {
  params: IRevokeUnusedDeviceParams;
  result: IRevokeUnusedDeviceResult;
}

const revokeUnusedDeviceIR: any = {"usedParamSet":{"id":true,"unusedDays":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":235,"b":238}]},{"name":"unusedDays","required":true,"transform":{"type":"scalar"},"locs":[{"a":322,"b":333},{"a":460,"b":471}]}],"statement":"-- Revoking fires the trigger that has the device removed from its groups; its sessions end in the same statement. No row:\n-- it was used or revoked meanwhile.\nwith revoked as (\n  update devices d set revoked_at = now()\n  where d.id = :id! and d.revoked_at is null\n    and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'\n    and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')\n  returning d.id, d.user_id\n), ended as (\n  update sessions s set ended_at = now(), ended_reason = 'revoked' from revoked r where s.device_id = r.id and s.ended_at is null\n), raised as (\n  update users set keys_version = keys_version + 1 where id in (select user_id from revoked) returning keys_version\n)\nselect keys_version as \"version!\" from raised"};

/**
 * Query generated from SQL:
 * ```
 * -- Revoking fires the trigger that has the device removed from its groups; its sessions end in the same statement. No row:
 * -- it was used or revoked meanwhile.
 * with revoked as (
 *   update devices d set revoked_at = now()
 *   where d.id = :id! and d.revoked_at is null
 *     and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'
 *     and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')
 *   returning d.id, d.user_id
 * ), ended as (
 *   update sessions s set ended_at = now(), ended_reason = 'revoked' from revoked r where s.device_id = r.id and s.ended_at is null
 * ), raised as (
 *   update users set keys_version = keys_version + 1 where id in (select user_id from revoked) returning keys_version
 * )
 * select keys_version as "version!" from raised
 * ```
 */
export const revokeUnusedDevice = new PreparedQuery<IRevokeUnusedDeviceParams,IRevokeUnusedDeviceResult>(revokeUnusedDeviceIR);


