/** Types generated for queries found in "sql/queries/mail.sql" */
import { PreparedQuery } from '../adapter.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** 'InsertMail' parameters type */
export interface IInsertMailParams {
  address: string;
  kind: string;
  parameters: Json;
  pendingId?: string | null | void;
  userId?: string | null | void;
}

/** 'InsertMail' return type */
export interface IInsertMailResult {
  id: string;
}

/** 'InsertMail' query type */
export interface IInsertMailQuery {
  params: IInsertMailParams;
  result: IInsertMailResult;
}

const insertMailIR: any = {"usedParamSet":{"kind":true,"address":true,"userId":true,"pendingId":true,"parameters":true},"params":[{"name":"kind","required":true,"transform":{"type":"scalar"},"locs":[{"a":81,"b":86}]},{"name":"address","required":true,"transform":{"type":"scalar"},"locs":[{"a":89,"b":97}]},{"name":"userId","required":false,"transform":{"type":"scalar"},"locs":[{"a":100,"b":106}]},{"name":"pendingId","required":false,"transform":{"type":"scalar"},"locs":[{"a":109,"b":118}]},{"name":"parameters","required":true,"transform":{"type":"scalar"},"locs":[{"a":121,"b":132}]}],"statement":"insert into mail_outbox (kind, address, user_id, pending_id, parameters)\nvalues (:kind!, :address!, :userId, :pendingId, :parameters!)\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * insert into mail_outbox (kind, address, user_id, pending_id, parameters)
 * values (:kind!, :address!, :userId, :pendingId, :parameters!)
 * returning id
 * ```
 */
export const insertMail = new PreparedQuery<IInsertMailParams,IInsertMailResult>(insertMailIR);


/** 'TakeDueMail' parameters type */
export interface ITakeDueMailParams {
  id?: string | null | void;
  leaseMs: number;
  max: number;
}

/** 'TakeDueMail' return type */
export interface ITakeDueMailResult {
  address: string;
  attempts: number;
  createdAt: Date;
  id: string;
  kind: string;
  parameters: Json;
  pendingId: string | null;
  userId: string | null;
}

/** 'TakeDueMail' query type */
export interface ITakeDueMailQuery {
  params: ITakeDueMailParams;
  result: ITakeDueMailResult;
}

const takeDueMailIR: any = {"usedParamSet":{"leaseMs":true,"id":true,"max":true},"params":[{"name":"leaseMs","required":true,"transform":{"type":"scalar"},"locs":[{"a":174,"b":182}]},{"name":"id","required":false,"transform":{"type":"scalar"},"locs":[{"a":316,"b":318},{"a":342,"b":344}]},{"name":"max","required":true,"transform":{"type":"scalar"},"locs":[{"a":378,"b":382}]}],"statement":"-- Takes what is due, or one mail of it, and keeps others away from it for the lease.\nwith taken as (\n  update mail_outbox set attempts = attempts + 1, next_try_at = now() + :leaseMs!::integer * interval '1 ms'\n  where id in (\n    select id from mail_outbox\n    where state = 'waiting' and next_try_at <= now() and (:id::uuid is null or id = :id)\n    order by next_try_at limit :max!::integer for update skip locked)\n  returning id, kind, address, user_id, pending_id, parameters, attempts, created_at\n)\nselect * from taken order by created_at, id"};

/**
 * Query generated from SQL:
 * ```
 * -- Takes what is due, or one mail of it, and keeps others away from it for the lease.
 * with taken as (
 *   update mail_outbox set attempts = attempts + 1, next_try_at = now() + :leaseMs!::integer * interval '1 ms'
 *   where id in (
 *     select id from mail_outbox
 *     where state = 'waiting' and next_try_at <= now() and (:id::uuid is null or id = :id)
 *     order by next_try_at limit :max!::integer for update skip locked)
 *   returning id, kind, address, user_id, pending_id, parameters, attempts, created_at
 * )
 * select * from taken order by created_at, id
 * ```
 */
export const takeDueMail = new PreparedQuery<ITakeDueMailParams,ITakeDueMailResult>(takeDueMailIR);


/** 'MarkMailSent' parameters type */
export interface IMarkMailSentParams {
  id: string;
}

/** 'MarkMailSent' return type */
export type IMarkMailSentResult = void;

/** 'MarkMailSent' query type */
export interface IMarkMailSentQuery {
  params: IMarkMailSentParams;
  result: IMarkMailSentResult;
}

const markMailSentIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":89,"b":92}]}],"statement":"update mail_outbox set state = 'sent', finished_at = now(), last_error = null where id = :id! and state = 'waiting'"};

/**
 * Query generated from SQL:
 * ```
 * update mail_outbox set state = 'sent', finished_at = now(), last_error = null where id = :id! and state = 'waiting'
 * ```
 */
export const markMailSent = new PreparedQuery<IMarkMailSentParams,IMarkMailSentResult>(markMailSentIR);


/** 'MarkMailFailed' parameters type */
export interface IMarkMailFailedParams {
  error: string;
  id: string;
}

/** 'MarkMailFailed' return type */
export type IMarkMailFailedResult = void;

/** 'MarkMailFailed' query type */
export interface IMarkMailFailedQuery {
  params: IMarkMailFailedParams;
  result: IMarkMailFailedResult;
}

const markMailFailedIR: any = {"usedParamSet":{"error":true,"id":true},"params":[{"name":"error","required":true,"transform":{"type":"scalar"},"locs":[{"a":75,"b":81}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":94,"b":97}]}],"statement":"update mail_outbox set state = 'failed', finished_at = now(), last_error = :error! where id = :id! and state = 'waiting'"};

/**
 * Query generated from SQL:
 * ```
 * update mail_outbox set state = 'failed', finished_at = now(), last_error = :error! where id = :id! and state = 'waiting'
 * ```
 */
export const markMailFailed = new PreparedQuery<IMarkMailFailedParams,IMarkMailFailedResult>(markMailFailedIR);


/** 'DelayMail' parameters type */
export interface IDelayMailParams {
  delayMs: number;
  error: string;
  id: string;
}

/** 'DelayMail' return type */
export type IDelayMailResult = void;

/** 'DelayMail' query type */
export interface IDelayMailQuery {
  params: IDelayMailParams;
  result: IDelayMailResult;
}

const delayMailIR: any = {"usedParamSet":{"delayMs":true,"error":true,"id":true},"params":[{"name":"delayMs","required":true,"transform":{"type":"scalar"},"locs":[{"a":45,"b":53}]},{"name":"error","required":true,"transform":{"type":"scalar"},"locs":[{"a":96,"b":102}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":115,"b":118}]}],"statement":"update mail_outbox set next_try_at = now() + :delayMs!::integer * interval '1 ms', last_error = :error!\nwhere id = :id! and state = 'waiting'"};

/**
 * Query generated from SQL:
 * ```
 * update mail_outbox set next_try_at = now() + :delayMs!::integer * interval '1 ms', last_error = :error!
 * where id = :id! and state = 'waiting'
 * ```
 */
export const delayMail = new PreparedQuery<IDelayMailParams,IDelayMailResult>(delayMailIR);


/** 'FindMailSubject' parameters type */
export interface IFindMailSubjectParams {
  id: string;
}

/** 'FindMailSubject' return type */
export interface IFindMailSubjectResult {
  username: string | null;
}

/** 'FindMailSubject' query type */
export interface IFindMailSubjectQuery {
  params: IFindMailSubjectParams;
  result: IFindMailSubjectResult;
}

const findMailSubjectIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":182,"b":185}]}],"statement":"select coalesce(u.username, p.username) as \"username?\"\nfrom mail_outbox m\nleft join users u on u.id = m.user_id\nleft join pending_registrations p on p.id = m.pending_id\nwhere m.id = :id!"};

/**
 * Query generated from SQL:
 * ```
 * select coalesce(u.username, p.username) as "username?"
 * from mail_outbox m
 * left join users u on u.id = m.user_id
 * left join pending_registrations p on p.id = m.pending_id
 * where m.id = :id!
 * ```
 */
export const findMailSubject = new PreparedQuery<IFindMailSubjectParams,IFindMailSubjectResult>(findMailSubjectIR);


/** 'CountWaitingMail' parameters type */
export type ICountWaitingMailParams = void;

/** 'CountWaitingMail' return type */
export interface ICountWaitingMailResult {
  waiting: number;
}

/** 'CountWaitingMail' query type */
export interface ICountWaitingMailQuery {
  params: ICountWaitingMailParams;
  result: ICountWaitingMailResult;
}

const countWaitingMailIR: any = {"usedParamSet":{},"params":[],"statement":"select count(*) as \"waiting!\" from mail_outbox where state = 'waiting'"};

/**
 * Query generated from SQL:
 * ```
 * select count(*) as "waiting!" from mail_outbox where state = 'waiting'
 * ```
 */
export const countWaitingMail = new PreparedQuery<ICountWaitingMailParams,ICountWaitingMailResult>(countWaitingMailIR);


