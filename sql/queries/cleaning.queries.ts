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


/** 'RevokeUnusedDevices' parameters type */
export interface IRevokeUnusedDevicesParams {
  limit: number;
  unusedDays: number;
}

/** 'RevokeUnusedDevices' return type */
export interface IRevokeUnusedDevicesResult {
  id: string;
  userId: string;
}

/** 'RevokeUnusedDevices' query type */
export interface IRevokeUnusedDevicesQuery {
  params: IRevokeUnusedDevicesParams;
  result: IRevokeUnusedDevicesResult;
}

const revokeUnusedDevicesIR: any = {"usedParamSet":{"unusedDays":true,"limit":true},"params":[{"name":"unusedDays","required":true,"transform":{"type":"scalar"},"locs":[{"a":254,"b":265},{"a":392,"b":403}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":456,"b":462}]}],"statement":"-- Revoking fires the trigger that has the device removed from its groups; its sessions end in the same statement.\nwith unused as (\n  select d.id, d.user_id from devices d\n  where d.revoked_at is null and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'\n    and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')\n  order by d.id limit :limit! for update skip locked\n), ended as (\n  update sessions s set ended_at = now(), ended_reason = 'revoked' from unused u where s.device_id = u.id and s.ended_at is null\n), raised as (\n  update users set keys_version = keys_version + 1 where id in (select user_id from unused)\n)\nupdate devices d set revoked_at = now() from unused u where d.id = u.id returning d.id, d.user_id"};

/**
 * Query generated from SQL:
 * ```
 * -- Revoking fires the trigger that has the device removed from its groups; its sessions end in the same statement.
 * with unused as (
 *   select d.id, d.user_id from devices d
 *   where d.revoked_at is null and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'
 *     and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')
 *   order by d.id limit :limit! for update skip locked
 * ), ended as (
 *   update sessions s set ended_at = now(), ended_reason = 'revoked' from unused u where s.device_id = u.id and s.ended_at is null
 * ), raised as (
 *   update users set keys_version = keys_version + 1 where id in (select user_id from unused)
 * )
 * update devices d set revoked_at = now() from unused u where d.id = u.id returning d.id, d.user_id
 * ```
 */
export const revokeUnusedDevices = new PreparedQuery<IRevokeUnusedDevicesParams,IRevokeUnusedDevicesResult>(revokeUnusedDevicesIR);


