/** Types generated for queries found in "sql/queries/audit.sql" */
import { PreparedQuery } from '../adapter.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** 'InsertAudit' parameters type */
export interface IInsertAuditParams {
  action: string;
  actor: string;
  actorId?: string | null | void;
  details: Json;
  origin: string;
  target?: string | null | void;
  targetId?: string | null | void;
}

/** 'InsertAudit' return type */
export type IInsertAuditResult = void;

/** 'InsertAudit' query type */
export interface IInsertAuditQuery {
  params: IInsertAuditParams;
  result: IInsertAuditResult;
}

const insertAuditIR: any = {"usedParamSet":{"actorId":true,"actor":true,"action":true,"targetId":true,"target":true,"origin":true,"details":true},"params":[{"name":"actorId","required":false,"transform":{"type":"scalar"},"locs":[{"a":92,"b":99}]},{"name":"actor","required":true,"transform":{"type":"scalar"},"locs":[{"a":102,"b":108}]},{"name":"action","required":true,"transform":{"type":"scalar"},"locs":[{"a":111,"b":118}]},{"name":"targetId","required":false,"transform":{"type":"scalar"},"locs":[{"a":121,"b":129}]},{"name":"target","required":false,"transform":{"type":"scalar"},"locs":[{"a":132,"b":138}]},{"name":"origin","required":true,"transform":{"type":"scalar"},"locs":[{"a":141,"b":148}]},{"name":"details","required":true,"transform":{"type":"scalar"},"locs":[{"a":151,"b":159}]}],"statement":"insert into audit_log (actor_id, actor, action, target_id, target, origin, details)\nvalues (:actorId, :actor!, :action!, :targetId, :target, :origin!, :details!)"};

/**
 * Query generated from SQL:
 * ```
 * insert into audit_log (actor_id, actor, action, target_id, target, origin, details)
 * values (:actorId, :actor!, :action!, :targetId, :target, :origin!, :details!)
 * ```
 */
export const insertAudit = new PreparedQuery<IInsertAuditParams,IInsertAuditResult>(insertAuditIR);


/** 'ListAudit' parameters type */
export interface IListAuditParams {
  before?: string | null | void;
  limit: number;
}

/** 'ListAudit' return type */
export interface IListAuditResult {
  action: string;
  actor: string;
  actorId: string | null;
  at: Date;
  details: Json;
  id: string;
  origin: string;
  target: string | null;
  targetId: string | null;
}

/** 'ListAudit' query type */
export interface IListAuditQuery {
  params: IListAuditParams;
  result: IListAuditResult;
}

const listAuditIR: any = {"usedParamSet":{"before":true,"limit":true},"params":[{"name":"before","required":false,"transform":{"type":"scalar"},"locs":[{"a":96,"b":102},{"a":181,"b":187}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":222,"b":228}]}],"statement":"select id, at, actor_id, actor, action, target_id, target, origin, details from audit_log\nwhere :before::uuid is null or (at, id) < (select b.at, b.id from audit_log b where b.id = :before)\norder by at desc, id desc limit :limit!::integer"};

/**
 * Query generated from SQL:
 * ```
 * select id, at, actor_id, actor, action, target_id, target, origin, details from audit_log
 * where :before::uuid is null or (at, id) < (select b.at, b.id from audit_log b where b.id = :before)
 * order by at desc, id desc limit :limit!::integer
 * ```
 */
export const listAudit = new PreparedQuery<IListAuditParams,IListAuditResult>(listAuditIR);


/** 'ListUsers' parameters type */
export interface IListUsersParams {
  after?: string | null | void;
  limit: number;
  text?: string | null | void;
}

/** 'ListUsers' return type */
export interface IListUsersResult {
  createdAt: Date;
  deletedAt: Date | null;
  displayName: string;
  email: string | null;
  id: string;
  role: string;
  suspendedAt: Date | null;
  username: string;
}

/** 'ListUsers' query type */
export interface IListUsersQuery {
  params: IListUsersParams;
  result: IListUsersResult;
}

const listUsersIR: any = {"usedParamSet":{"text":true,"after":true,"limit":true},"params":[{"name":"text","required":false,"transform":{"type":"scalar"},"locs":[{"a":103,"b":107},{"a":148,"b":152},{"a":166,"b":170}]},{"name":"after","required":false,"transform":{"type":"scalar"},"locs":[{"a":178,"b":183},{"a":213,"b":218}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":245,"b":251}]}],"statement":"select id, username, email, display_name, role, suspended_at, deleted_at, created_at from users\nwhere (:text::text is null or starts_with(username, :text) or email = :text) and (:after::text is null or username > :after)\norder by username limit :limit!::integer"};

/**
 * Query generated from SQL:
 * ```
 * select id, username, email, display_name, role, suspended_at, deleted_at, created_at from users
 * where (:text::text is null or starts_with(username, :text) or email = :text) and (:after::text is null or username > :after)
 * order by username limit :limit!::integer
 * ```
 */
export const listUsers = new PreparedQuery<IListUsersParams,IListUsersResult>(listUsersIR);


/** 'FindUser' parameters type */
export interface IFindUserParams {
  id?: string | null | void;
}

/** 'FindUser' return type */
export interface IFindUserResult {
  createdAt: Date;
  deletedAt: Date | null;
  devices: number;
  displayName: string;
  email: string | null;
  id: string;
  lastSeenAt: Date | null;
  role: string;
  sessions: number;
  suspendedAt: Date | null;
  username: string;
}

/** 'FindUser' query type */
export interface IFindUserQuery {
  params: IFindUserParams;
  result: IFindUserResult;
}

const findUserIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":false,"transform":{"type":"scalar"},"locs":[{"a":410,"b":412}]}],"statement":"select u.id, u.username, u.email, u.display_name, u.role, u.suspended_at, u.deleted_at, u.created_at,\n  (select count(*) from devices d where d.user_id = u.id and d.revoked_at is null) as \"devices!\",\n  (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null) as \"sessions!\",\n  (select max(d.last_seen_at) from devices d where d.user_id = u.id) as \"lastSeenAt?\"\nfrom users u where u.id = :id"};

/**
 * Query generated from SQL:
 * ```
 * select u.id, u.username, u.email, u.display_name, u.role, u.suspended_at, u.deleted_at, u.created_at,
 *   (select count(*) from devices d where d.user_id = u.id and d.revoked_at is null) as "devices!",
 *   (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null) as "sessions!",
 *   (select max(d.last_seen_at) from devices d where d.user_id = u.id) as "lastSeenAt?"
 * from users u where u.id = :id
 * ```
 */
export const findUser = new PreparedQuery<IFindUserParams,IFindUserResult>(findUserIR);


/** 'FindUserByName' parameters type */
export interface IFindUserByNameParams {
  username: string;
}

/** 'FindUserByName' return type */
export interface IFindUserByNameResult {
  id: string;
}

/** 'FindUserByName' query type */
export interface IFindUserByNameQuery {
  params: IFindUserByNameParams;
  result: IFindUserByNameResult;
}

const findUserByNameIR: any = {"usedParamSet":{"username":true},"params":[{"name":"username","required":true,"transform":{"type":"scalar"},"locs":[{"a":38,"b":47}]}],"statement":"select id from users where username = :username! and deleted_at is null"};

/**
 * Query generated from SQL:
 * ```
 * select id from users where username = :username! and deleted_at is null
 * ```
 */
export const findUserByName = new PreparedQuery<IFindUserByNameParams,IFindUserByNameResult>(findUserByNameIR);


/** 'SuspendUser' parameters type */
export interface ISuspendUserParams {
  id: string;
}

/** 'SuspendUser' return type */
export interface ISuspendUserResult {
  username: string;
}

/** 'SuspendUser' query type */
export interface ISuspendUserQuery {
  params: ISuspendUserParams;
  result: ISuspendUserResult;
}

const suspendUserIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":49,"b":52}]}],"statement":"update users set suspended_at = now() where id = :id! and suspended_at is null and deleted_at is null returning username"};

/**
 * Query generated from SQL:
 * ```
 * update users set suspended_at = now() where id = :id! and suspended_at is null and deleted_at is null returning username
 * ```
 */
export const suspendUser = new PreparedQuery<ISuspendUserParams,ISuspendUserResult>(suspendUserIR);


/** 'ReinstateUser' parameters type */
export interface IReinstateUserParams {
  id: string;
}

/** 'ReinstateUser' return type */
export interface IReinstateUserResult {
  username: string;
}

/** 'ReinstateUser' query type */
export interface IReinstateUserQuery {
  params: IReinstateUserParams;
  result: IReinstateUserResult;
}

const reinstateUserIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":48,"b":51}]}],"statement":"update users set suspended_at = null where id = :id! and suspended_at is not null returning username"};

/**
 * Query generated from SQL:
 * ```
 * update users set suspended_at = null where id = :id! and suspended_at is not null returning username
 * ```
 */
export const reinstateUser = new PreparedQuery<IReinstateUserParams,IReinstateUserResult>(reinstateUserIR);


/** 'SetRole' parameters type */
export interface ISetRoleParams {
  id: string;
  role: string;
}

/** 'SetRole' return type */
export interface ISetRoleResult {
  username: string;
}

/** 'SetRole' query type */
export interface ISetRoleQuery {
  params: ISetRoleParams;
  result: ISetRoleResult;
}

const setRoleIR: any = {"usedParamSet":{"role":true,"id":true},"params":[{"name":"role","required":true,"transform":{"type":"scalar"},"locs":[{"a":24,"b":29},{"a":59,"b":64}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":42,"b":45}]}],"statement":"update users set role = :role! where id = :id! and role <> :role! and deleted_at is null returning username"};

/**
 * Query generated from SQL:
 * ```
 * update users set role = :role! where id = :id! and role <> :role! and deleted_at is null returning username
 * ```
 */
export const setRole = new PreparedQuery<ISetRoleParams,ISetRoleResult>(setRoleIR);


/** 'LockUser' parameters type */
export interface ILockUserParams {
  id: string;
}

/** 'LockUser' return type */
export interface ILockUserResult {
  username: string;
}

/** 'LockUser' query type */
export interface ILockUserQuery {
  params: ILockUserParams;
  result: ILockUserResult;
}

const lockUserIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":38,"b":41}]}],"statement":"select username from users where id = :id! and deleted_at is null for update"};

/**
 * Query generated from SQL:
 * ```
 * select username from users where id = :id! and deleted_at is null for update
 * ```
 */
export const lockUser = new PreparedQuery<ILockUserParams,ILockUserResult>(lockUserIR);


/** 'LiveSessionsOf' parameters type */
export interface ILiveSessionsOfParams {
  userId: string;
}

/** 'LiveSessionsOf' return type */
export interface ILiveSessionsOfResult {
  id: string;
}

/** 'LiveSessionsOf' query type */
export interface ILiveSessionsOfQuery {
  params: ILiveSessionsOfParams;
  result: ILiveSessionsOfResult;
}

const liveSessionsOfIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":47}]}],"statement":"select id from sessions where user_id = :userId! and ended_at is null"};

/**
 * Query generated from SQL:
 * ```
 * select id from sessions where user_id = :userId! and ended_at is null
 * ```
 */
export const liveSessionsOf = new PreparedQuery<ILiveSessionsOfParams,ILiveSessionsOfResult>(liveSessionsOfIR);


/** 'CountEverything' parameters type */
export type ICountEverythingParams = void;

/** 'CountEverything' return type */
export interface ICountEverythingResult {
  conversations: number;
  devices: number;
  entries: number;
  mailsFailed: number;
  mailsWaiting: number;
  pending: number;
  sessions: number;
  suspended: number;
  users: number;
}

/** 'CountEverything' query type */
export interface ICountEverythingQuery {
  params: ICountEverythingParams;
  result: ICountEverythingResult;
}

const countEverythingIR: any = {"usedParamSet":{},"params":[],"statement":"select\n  (select count(*) from users where deleted_at is null) as \"users!\",\n  (select count(*) from users where suspended_at is not null and deleted_at is null) as \"suspended!\",\n  (select count(*) from pending_registrations where expires_at > now()) as \"pending!\",\n  (select count(*) from devices where revoked_at is null) as \"devices!\",\n  (select count(*) from sessions where ended_at is null) as \"sessions!\",\n  (select count(*) from conversations) as \"conversations!\",\n  (select coalesce(sum(last_seq), 0)::bigint from conversations) as \"entries!\",\n  (select count(*) from mail_outbox where state = 'waiting') as \"mailsWaiting!\",\n  (select count(*) from mail_outbox where state = 'failed') as \"mailsFailed!\""};

/**
 * Query generated from SQL:
 * ```
 * select
 *   (select count(*) from users where deleted_at is null) as "users!",
 *   (select count(*) from users where suspended_at is not null and deleted_at is null) as "suspended!",
 *   (select count(*) from pending_registrations where expires_at > now()) as "pending!",
 *   (select count(*) from devices where revoked_at is null) as "devices!",
 *   (select count(*) from sessions where ended_at is null) as "sessions!",
 *   (select count(*) from conversations) as "conversations!",
 *   (select coalesce(sum(last_seq), 0)::bigint from conversations) as "entries!",
 *   (select count(*) from mail_outbox where state = 'waiting') as "mailsWaiting!",
 *   (select count(*) from mail_outbox where state = 'failed') as "mailsFailed!"
 * ```
 */
export const countEverything = new PreparedQuery<ICountEverythingParams,ICountEverythingResult>(countEverythingIR);


/** 'ListFailedMails' parameters type */
export type IListFailedMailsParams = void;

/** 'ListFailedMails' return type */
export interface IListFailedMailsResult {
  attempts: number;
  createdAt: Date;
  finishedAt: Date | null;
  id: string;
  kind: string;
  lastError: string | null;
}

/** 'ListFailedMails' query type */
export interface IListFailedMailsQuery {
  params: IListFailedMailsParams;
  result: IListFailedMailsResult;
}

const listFailedMailsIR: any = {"usedParamSet":{},"params":[],"statement":"select id, kind, attempts, last_error, created_at, finished_at from mail_outbox where state = 'failed'\norder by finished_at desc limit 100"};

/**
 * Query generated from SQL:
 * ```
 * select id, kind, attempts, last_error, created_at, finished_at from mail_outbox where state = 'failed'
 * order by finished_at desc limit 100
 * ```
 */
export const listFailedMails = new PreparedQuery<IListFailedMailsParams,IListFailedMailsResult>(listFailedMailsIR);


/** 'EndedSince' parameters type */
export interface IEndedSinceParams {
  since: Date;
}

/** 'EndedSince' return type */
export interface IEndedSinceResult {
  reason: string;
  sessionId: string;
}

/** 'EndedSince' query type */
export interface IEndedSinceQuery {
  params: IEndedSinceParams;
  result: IEndedSinceResult;
}

const endedSinceIR: any = {"usedParamSet":{"since":true},"params":[{"name":"since","required":true,"transform":{"type":"scalar"},"locs":[{"a":145,"b":151},{"a":283,"b":289}]}],"statement":"-- Sessions that can't be used any more since then, and why.\nselect id as \"sessionId!\", ended_reason as \"reason!\" from sessions where ended_at > :since!\nunion all\nselect s.id, 'suspended' from users u join sessions s on s.user_id = u.id and s.ended_at is null\nwhere u.suspended_at > :since!"};

/**
 * Query generated from SQL:
 * ```
 * -- Sessions that can't be used any more since then, and why.
 * select id as "sessionId!", ended_reason as "reason!" from sessions where ended_at > :since!
 * union all
 * select s.id, 'suspended' from users u join sessions s on s.user_id = u.id and s.ended_at is null
 * where u.suspended_at > :since!
 * ```
 */
export const endedSince = new PreparedQuery<IEndedSinceParams,IEndedSinceResult>(endedSinceIR);


/** 'DatabaseTime' parameters type */
export type IDatabaseTimeParams = void;

/** 'DatabaseTime' return type */
export interface IDatabaseTimeResult {
  now: Date;
}

/** 'DatabaseTime' query type */
export interface IDatabaseTimeQuery {
  params: IDatabaseTimeParams;
  result: IDatabaseTimeResult;
}

const databaseTimeIR: any = {"usedParamSet":{},"params":[],"statement":"select now() as \"now!\""};

/**
 * Query generated from SQL:
 * ```
 * select now() as "now!"
 * ```
 */
export const databaseTime = new PreparedQuery<IDatabaseTimeParams,IDatabaseTimeResult>(databaseTimeIR);


