/** Types generated for queries found in "sql/queries/accounts.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'LockAddress' parameters type */
export interface ILockAddressParams {
  email: string;
}

/** 'LockAddress' return type */
export interface ILockAddressResult {
  locked: boolean;
}

/** 'LockAddress' query type */
export interface ILockAddressQuery {
  params: ILockAddressParams;
  result: ILockAddressResult;
}

const lockAddressIR: any = {"usedParamSet":{"email":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":130,"b":136}]}],"statement":"-- Everything about one address waits for its turn, so that counts of it are exact.\nselect pg_advisory_xact_lock(hashtextextended(:email!, 7306)) is null as \"locked!\""};

/**
 * Query generated from SQL:
 * ```
 * -- Everything about one address waits for its turn, so that counts of it are exact.
 * select pg_advisory_xact_lock(hashtextextended(:email!, 7306)) is null as "locked!"
 * ```
 */
export const lockAddress = new PreparedQuery<ILockAddressParams,ILockAddressResult>(lockAddressIR);


/** 'DeleteExpiredPending' parameters type */
export interface IDeleteExpiredPendingParams {
  email: string;
  username: string;
}

/** 'DeleteExpiredPending' return type */
export type IDeleteExpiredPendingResult = void;

/** 'DeleteExpiredPending' query type */
export interface IDeleteExpiredPendingQuery {
  params: IDeleteExpiredPendingParams;
  result: IDeleteExpiredPendingResult;
}

const deleteExpiredPendingIR: any = {"usedParamSet":{"username":true,"email":true},"params":[{"name":"username","required":true,"transform":{"type":"scalar"},"locs":[{"a":76,"b":85}]},{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":98,"b":104}]}],"statement":"delete from pending_registrations where expires_at <= now() and (username = :username! or email = :email!)"};

/**
 * Query generated from SQL:
 * ```
 * delete from pending_registrations where expires_at <= now() and (username = :username! or email = :email!)
 * ```
 */
export const deleteExpiredPending = new PreparedQuery<IDeleteExpiredPendingParams,IDeleteExpiredPendingResult>(deleteExpiredPendingIR);


/** 'InsertPending' parameters type */
export interface IInsertPendingParams {
  displayName: string;
  email: string;
  passwordHash: string;
  username: string;
}

/** 'InsertPending' return type */
export interface IInsertPendingResult {
  id: string;
}

/** 'InsertPending' query type */
export interface IInsertPendingQuery {
  params: IInsertPendingParams;
  result: IInsertPendingResult;
}

const insertPendingIR: any = {"usedParamSet":{"username":true,"email":true,"passwordHash":true,"displayName":true},"params":[{"name":"username","required":true,"transform":{"type":"scalar"},"locs":[{"a":152,"b":161},{"a":256,"b":265}]},{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":164,"b":170}]},{"name":"passwordHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":173,"b":186}]},{"name":"displayName","required":true,"transform":{"type":"scalar"},"locs":[{"a":189,"b":201}]}],"statement":"-- No row: the username is taken, or reserved by somebody else.\ninsert into pending_registrations (username, email, password_hash, display_name)\nselect :username!, :email!, :passwordHash!, :displayName!\nwhere not exists (select from users where username = :username!)\non conflict (username) do nothing\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the username is taken, or reserved by somebody else.
 * insert into pending_registrations (username, email, password_hash, display_name)
 * select :username!, :email!, :passwordHash!, :displayName!
 * where not exists (select from users where username = :username!)
 * on conflict (username) do nothing
 * returning id
 * ```
 */
export const insertPending = new PreparedQuery<IInsertPendingParams,IInsertPendingResult>(insertPendingIR);


/** 'DeleteSurplusPending' parameters type */
export interface IDeleteSurplusPendingParams {
  email: string;
  keep: number;
}

/** 'DeleteSurplusPending' return type */
export type IDeleteSurplusPendingResult = void;

/** 'DeleteSurplusPending' query type */
export interface IDeleteSurplusPendingQuery {
  params: IDeleteSurplusPendingParams;
  result: IDeleteSurplusPendingResult;
}

const deleteSurplusPendingIR: any = {"usedParamSet":{"email":true,"keep":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":140,"b":146}]},{"name":"keep","required":true,"transform":{"type":"scalar"},"locs":[{"a":189,"b":194}]}],"statement":"-- Keeps the newest few of an address.\ndelete from pending_registrations where id in (\n  select id from pending_registrations where email = :email! order by created_at desc, id desc offset :keep!::integer)"};

/**
 * Query generated from SQL:
 * ```
 * -- Keeps the newest few of an address.
 * delete from pending_registrations where id in (
 *   select id from pending_registrations where email = :email! order by created_at desc, id desc offset :keep!::integer)
 * ```
 */
export const deleteSurplusPending = new PreparedQuery<IDeleteSurplusPendingParams,IDeleteSurplusPendingResult>(deleteSurplusPendingIR);


/** 'FindUserIdByEmail' parameters type */
export interface IFindUserIdByEmailParams {
  email: string;
}

/** 'FindUserIdByEmail' return type */
export interface IFindUserIdByEmailResult {
  id: string;
}

/** 'FindUserIdByEmail' query type */
export interface IFindUserIdByEmailQuery {
  params: IFindUserIdByEmailParams;
  result: IFindUserIdByEmailResult;
}

const findUserIdByEmailIR: any = {"usedParamSet":{"email":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":35,"b":41}]}],"statement":"select id from users where email = :email!"};

/**
 * Query generated from SQL:
 * ```
 * select id from users where email = :email!
 * ```
 */
export const findUserIdByEmail = new PreparedQuery<IFindUserIdByEmailParams,IFindUserIdByEmailResult>(findUserIdByEmailIR);


/** 'FindPendingByEmail' parameters type */
export interface IFindPendingByEmailParams {
  email: string;
}

/** 'FindPendingByEmail' return type */
export interface IFindPendingByEmailResult {
  id: string;
  username: string;
}

/** 'FindPendingByEmail' query type */
export interface IFindPendingByEmailQuery {
  params: IFindPendingByEmailParams;
  result: IFindPendingByEmailResult;
}

const findPendingByEmailIR: any = {"usedParamSet":{"email":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":61,"b":67}]}],"statement":"select id, username from pending_registrations where email = :email! and expires_at > now() order by created_at desc, id desc"};

/**
 * Query generated from SQL:
 * ```
 * select id, username from pending_registrations where email = :email! and expires_at > now() order by created_at desc, id desc
 * ```
 */
export const findPendingByEmail = new PreparedQuery<IFindPendingByEmailParams,IFindPendingByEmailResult>(findPendingByEmailIR);


/** 'FindLogin' parameters type */
export interface IFindLoginParams {
  login: string;
}

/** 'FindLogin' return type */
export interface IFindLoginResult {
  email: string | null;
  id: string | null;
  passwordHash: string | null;
  pending: boolean;
  suspendedAt: Date | null;
  username: string | null;
}

/** 'FindLogin' query type */
export interface IFindLoginQuery {
  params: IFindLoginParams;
  result: IFindLoginResult;
}

const findLoginIR: any = {"usedParamSet":{"login":true},"params":[{"name":"login","required":true,"transform":{"type":"scalar"},"locs":[{"a":177,"b":183},{"a":196,"b":202},{"a":351,"b":357},{"a":370,"b":376}]}],"statement":"-- Who a login name could be, accounts before registrations that wait.\nselect id, false as \"pending!\", username, email, password_hash, suspended_at from users\nwhere (username = :login! or email = :login!) and deleted_at is null\nunion all\n(select id, true, username, email, password_hash, null::timestamptz from pending_registrations\nwhere (username = :login! or email = :login!) and expires_at > now() order by created_at desc, id desc limit 1)\norder by 2 limit 1"};

/**
 * Query generated from SQL:
 * ```
 * -- Who a login name could be, accounts before registrations that wait.
 * select id, false as "pending!", username, email, password_hash, suspended_at from users
 * where (username = :login! or email = :login!) and deleted_at is null
 * union all
 * (select id, true, username, email, password_hash, null::timestamptz from pending_registrations
 * where (username = :login! or email = :login!) and expires_at > now() order by created_at desc, id desc limit 1)
 * order by 2 limit 1
 * ```
 */
export const findLogin = new PreparedQuery<IFindLoginParams,IFindLoginResult>(findLoginIR);


/** 'InsertLinkToken' parameters type */
export interface IInsertLinkTokenParams {
  email?: string | null | void;
  expiresAt: Date;
  hash: Uint8Array;
  pendingId?: string | null | void;
  purpose: string;
  userId?: string | null | void;
}

/** 'InsertLinkToken' return type */
export type IInsertLinkTokenResult = void;

/** 'InsertLinkToken' query type */
export interface IInsertLinkTokenQuery {
  params: IInsertLinkTokenParams;
  result: IInsertLinkTokenResult;
}

const insertLinkTokenIR: any = {"usedParamSet":{"hash":true,"purpose":true,"pendingId":true,"userId":true,"email":true,"expiresAt":true},"params":[{"name":"hash","required":true,"transform":{"type":"scalar"},"locs":[{"a":88,"b":93}]},{"name":"purpose","required":true,"transform":{"type":"scalar"},"locs":[{"a":96,"b":104}]},{"name":"pendingId","required":false,"transform":{"type":"scalar"},"locs":[{"a":107,"b":116}]},{"name":"userId","required":false,"transform":{"type":"scalar"},"locs":[{"a":119,"b":125}]},{"name":"email","required":false,"transform":{"type":"scalar"},"locs":[{"a":128,"b":133}]},{"name":"expiresAt","required":true,"transform":{"type":"scalar"},"locs":[{"a":136,"b":146}]}],"statement":"insert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)\nvalues (:hash!, :purpose!, :pendingId, :userId, :email, :expiresAt!)"};

/**
 * Query generated from SQL:
 * ```
 * insert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)
 * values (:hash!, :purpose!, :pendingId, :userId, :email, :expiresAt!)
 * ```
 */
export const insertLinkToken = new PreparedQuery<IInsertLinkTokenParams,IInsertLinkTokenResult>(insertLinkTokenIR);


/** 'FindLinkToken' parameters type */
export interface IFindLinkTokenParams {
  hash: Uint8Array;
}

/** 'FindLinkToken' return type */
export interface IFindLinkTokenResult {
  newEmail: string | null;
  pendingId: string | null;
  pendingUsername: string | null;
  purpose: string;
  userId: string | null;
  username: string | null;
}

/** 'FindLinkToken' query type */
export interface IFindLinkTokenQuery {
  params: IFindLinkTokenParams;
  result: IFindLinkTokenResult;
}

const findLinkTokenIR: any = {"usedParamSet":{"hash":true},"params":[{"name":"hash","required":true,"transform":{"type":"scalar"},"locs":[{"a":254,"b":259}]}],"statement":"select t.purpose, t.pending_id, t.user_id, t.email as new_email, p.username as \"pendingUsername?\", u.username as \"username?\"\nfrom link_tokens t\nleft join pending_registrations p on p.id = t.pending_id\nleft join users u on u.id = t.user_id\nwhere t.hash = :hash! and t.expires_at > now() and (p.id is null or p.expires_at > now())"};

/**
 * Query generated from SQL:
 * ```
 * select t.purpose, t.pending_id, t.user_id, t.email as new_email, p.username as "pendingUsername?", u.username as "username?"
 * from link_tokens t
 * left join pending_registrations p on p.id = t.pending_id
 * left join users u on u.id = t.user_id
 * where t.hash = :hash! and t.expires_at > now() and (p.id is null or p.expires_at > now())
 * ```
 */
export const findLinkToken = new PreparedQuery<IFindLinkTokenParams,IFindLinkTokenResult>(findLinkTokenIR);


/** 'TakeLinkToken' parameters type */
export interface ITakeLinkTokenParams {
  hash: Uint8Array;
}

/** 'TakeLinkToken' return type */
export interface ITakeLinkTokenResult {
  newEmail: string | null;
  pendingId: string | null;
  purpose: string;
  userId: string | null;
}

/** 'TakeLinkToken' query type */
export interface ITakeLinkTokenQuery {
  params: ITakeLinkTokenParams;
  result: ITakeLinkTokenResult;
}

const takeLinkTokenIR: any = {"usedParamSet":{"hash":true},"params":[{"name":"hash","required":true,"transform":{"type":"scalar"},"locs":[{"a":97,"b":102}]}],"statement":"-- Uses it up; no row if it was used before or has expired.\ndelete from link_tokens where hash = :hash! and expires_at > now()\nreturning purpose, pending_id, user_id, email as new_email"};

/**
 * Query generated from SQL:
 * ```
 * -- Uses it up; no row if it was used before or has expired.
 * delete from link_tokens where hash = :hash! and expires_at > now()
 * returning purpose, pending_id, user_id, email as new_email
 * ```
 */
export const takeLinkToken = new PreparedQuery<ITakeLinkTokenParams,ITakeLinkTokenResult>(takeLinkTokenIR);


/** 'FindPending' parameters type */
export interface IFindPendingParams {
  id: string;
}

/** 'FindPending' return type */
export interface IFindPendingResult {
  email: string;
}

/** 'FindPending' query type */
export interface IFindPendingQuery {
  params: IFindPendingParams;
  result: IFindPendingResult;
}

const findPendingIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":51,"b":54}]}],"statement":"select email from pending_registrations where id = :id! and expires_at > now()"};

/**
 * Query generated from SQL:
 * ```
 * select email from pending_registrations where id = :id! and expires_at > now()
 * ```
 */
export const findPending = new PreparedQuery<IFindPendingParams,IFindPendingResult>(findPendingIR);


/** 'InsertUserFromPending' parameters type */
export interface IInsertUserFromPendingParams {
  id: string;
}

/** 'InsertUserFromPending' return type */
export interface IInsertUserFromPendingResult {
  id: string;
}

/** 'InsertUserFromPending' query type */
export interface IInsertUserFromPendingQuery {
  params: IInsertUserFromPendingParams;
  result: IInsertUserFromPendingResult;
}

const insertUserFromPendingIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":220,"b":223}]}],"statement":"-- No row: the name or the address belongs to an account by now.\ninsert into users (username, email, password_hash, display_name)\nselect username, email, password_hash, display_name from pending_registrations where id = :id!\non conflict do nothing\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the name or the address belongs to an account by now.
 * insert into users (username, email, password_hash, display_name)
 * select username, email, password_hash, display_name from pending_registrations where id = :id!
 * on conflict do nothing
 * returning id
 * ```
 */
export const insertUserFromPending = new PreparedQuery<IInsertUserFromPendingParams,IInsertUserFromPendingResult>(insertUserFromPendingIR);


/** 'DeletePendingOfEmail' parameters type */
export interface IDeletePendingOfEmailParams {
  email: string;
}

/** 'DeletePendingOfEmail' return type */
export type IDeletePendingOfEmailResult = void;

/** 'DeletePendingOfEmail' query type */
export interface IDeletePendingOfEmailQuery {
  params: IDeletePendingOfEmailParams;
  result: IDeletePendingOfEmailResult;
}

const deletePendingOfEmailIR: any = {"usedParamSet":{"email":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":48,"b":54}]}],"statement":"delete from pending_registrations where email = :email!"};

/**
 * Query generated from SQL:
 * ```
 * delete from pending_registrations where email = :email!
 * ```
 */
export const deletePendingOfEmail = new PreparedQuery<IDeletePendingOfEmailParams,IDeletePendingOfEmailResult>(deletePendingOfEmailIR);


/** 'ReplaceEmail' parameters type */
export interface IReplaceEmailParams {
  email: string;
  userId: string;
}

/** 'ReplaceEmail' return type */
export interface IReplaceEmailResult {
  email: string | null;
}

/** 'ReplaceEmail' query type */
export interface IReplaceEmailQuery {
  params: IReplaceEmailParams;
  result: IReplaceEmailResult;
}

const replaceEmailIR: any = {"usedParamSet":{"email":true,"userId":true},"params":[{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":58,"b":64}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":111,"b":118}]}],"statement":"-- Answers the address before.\nupdate users u set email = :email! from (select id, email from users where id = :userId! for update) old\nwhere u.id = old.id and u.deleted_at is null\nreturning old.email as \"email?\""};

/**
 * Query generated from SQL:
 * ```
 * -- Answers the address before.
 * update users u set email = :email! from (select id, email from users where id = :userId! for update) old
 * where u.id = old.id and u.deleted_at is null
 * returning old.email as "email?"
 * ```
 */
export const replaceEmail = new PreparedQuery<IReplaceEmailParams,IReplaceEmailResult>(replaceEmailIR);


/** 'DeleteLinkTokens' parameters type */
export interface IDeleteLinkTokensParams {
  purpose: string;
  userId: string;
}

/** 'DeleteLinkTokens' return type */
export type IDeleteLinkTokensResult = void;

/** 'DeleteLinkTokens' query type */
export interface IDeleteLinkTokensQuery {
  params: IDeleteLinkTokensParams;
  result: IDeleteLinkTokensResult;
}

const deleteLinkTokensIR: any = {"usedParamSet":{"userId":true,"purpose":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":47}]},{"name":"purpose","required":true,"transform":{"type":"scalar"},"locs":[{"a":63,"b":71}]}],"statement":"delete from link_tokens where user_id = :userId! and purpose = :purpose!"};

/**
 * Query generated from SQL:
 * ```
 * delete from link_tokens where user_id = :userId! and purpose = :purpose!
 * ```
 */
export const deleteLinkTokens = new PreparedQuery<IDeleteLinkTokensParams,IDeleteLinkTokensResult>(deleteLinkTokensIR);


