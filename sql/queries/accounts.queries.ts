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

const insertPendingIR: any = {"usedParamSet":{"username":true,"email":true,"passwordHash":true,"displayName":true},"params":[{"name":"username","required":true,"transform":{"type":"scalar"},"locs":[{"a":265,"b":274},{"a":388,"b":397}]},{"name":"email","required":true,"transform":{"type":"scalar"},"locs":[{"a":277,"b":283}]},{"name":"passwordHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":286,"b":299}]},{"name":"displayName","required":true,"transform":{"type":"scalar"},"locs":[{"a":302,"b":314}]}],"statement":"-- No row: the username is taken, or reserved by somebody else.\n-- The time is read after the address was locked, so that the newest is also the last to be written.\ninsert into pending_registrations (username, email, password_hash, display_name, created_at)\nselect :username!, :email!, :passwordHash!, :displayName!, clock_timestamp()\nwhere not exists (select from users where username = :username!)\non conflict (username) do nothing\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the username is taken, or reserved by somebody else.
 * -- The time is read after the address was locked, so that the newest is also the last to be written.
 * insert into pending_registrations (username, email, password_hash, display_name, created_at)
 * select :username!, :email!, :passwordHash!, :displayName!, clock_timestamp()
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
  mailId: string;
  pendingId?: string | null | void;
  purpose: string;
  userId?: string | null | void;
}

/** 'InsertLinkToken' return type */
export interface IInsertLinkTokenResult {
  hash: Buffer;
}

/** 'InsertLinkToken' query type */
export interface IInsertLinkTokenQuery {
  params: IInsertLinkTokenParams;
  result: IInsertLinkTokenResult;
}

const insertLinkTokenIR: any = {"usedParamSet":{"hash":true,"purpose":true,"pendingId":true,"userId":true,"email":true,"expiresAt":true,"mailId":true},"params":[{"name":"hash","required":true,"transform":{"type":"scalar"},"locs":[{"a":208,"b":213}]},{"name":"purpose","required":true,"transform":{"type":"scalar"},"locs":[{"a":223,"b":231}]},{"name":"pendingId","required":false,"transform":{"type":"scalar"},"locs":[{"a":240,"b":249}]},{"name":"userId","required":false,"transform":{"type":"scalar"},"locs":[{"a":258,"b":264}]},{"name":"email","required":false,"transform":{"type":"scalar"},"locs":[{"a":273,"b":278}]},{"name":"expiresAt","required":true,"transform":{"type":"scalar"},"locs":[{"a":287,"b":297}]},{"name":"mailId","required":true,"transform":{"type":"scalar"},"locs":[{"a":344,"b":351}]}],"statement":"-- Only while its mail is still to be sent: whoever ends an account's links deletes the mails first, and waits for this.\ninsert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)\nselect :hash!::bytea, :purpose!::text, :pendingId::uuid, :userId::uuid, :email::text, :expiresAt!::timestamptz\nfrom mail_outbox m where m.id = :mailId! and m.state = 'waiting' for share of m\nreturning hash"};

/**
 * Query generated from SQL:
 * ```
 * -- Only while its mail is still to be sent: whoever ends an account's links deletes the mails first, and waits for this.
 * insert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)
 * select :hash!::bytea, :purpose!::text, :pendingId::uuid, :userId::uuid, :email::text, :expiresAt!::timestamptz
 * from mail_outbox m where m.id = :mailId! and m.state = 'waiting' for share of m
 * returning hash
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


/** 'DeleteWaitingLinks' parameters type */
export interface IDeleteWaitingLinksParams {
  userId: string;
}

/** 'DeleteWaitingLinks' return type */
export type IDeleteWaitingLinksResult = void;

/** 'DeleteWaitingLinks' query type */
export interface IDeleteWaitingLinksQuery {
  params: IDeleteWaitingLinksParams;
  result: IDeleteWaitingLinksResult;
}

const deleteWaitingLinksIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":47}]}],"statement":"delete from mail_outbox where user_id = :userId! and state = 'waiting' and kind in ('reset_password', 'change_email')"};

/**
 * Query generated from SQL:
 * ```
 * delete from mail_outbox where user_id = :userId! and state = 'waiting' and kind in ('reset_password', 'change_email')
 * ```
 */
export const deleteWaitingLinks = new PreparedQuery<IDeleteWaitingLinksParams,IDeleteWaitingLinksResult>(deleteWaitingLinksIR);


/** 'FindPasswordHash' parameters type */
export interface IFindPasswordHashParams {
  id: string;
}

/** 'FindPasswordHash' return type */
export interface IFindPasswordHashResult {
  passwordHash: string | null;
}

/** 'FindPasswordHash' query type */
export interface IFindPasswordHashQuery {
  params: IFindPasswordHashParams;
  result: IFindPasswordHashResult;
}

const findPasswordHashIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":43,"b":46}]}],"statement":"select password_hash from users where id = :id! and deleted_at is null"};

/**
 * Query generated from SQL:
 * ```
 * select password_hash from users where id = :id! and deleted_at is null
 * ```
 */
export const findPasswordHash = new PreparedQuery<IFindPasswordHashParams,IFindPasswordHashResult>(findPasswordHashIR);


/** 'ReplacePassword' parameters type */
export interface IReplacePasswordParams {
  before?: string | null | void;
  id: string;
  passwordHash: string;
}

/** 'ReplacePassword' return type */
export interface IReplacePasswordResult {
  email: string | null;
  username: string;
}

/** 'ReplacePassword' query type */
export interface IReplacePasswordQuery {
  params: IReplacePasswordParams;
  result: IReplacePasswordResult;
}

const replacePasswordIR: any = {"usedParamSet":{"passwordHash":true,"id":true,"before":true},"params":[{"name":"passwordHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":138,"b":151}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":164,"b":167}]},{"name":"before","required":false,"transform":{"type":"scalar"},"locs":[{"a":197,"b":203},{"a":238,"b":244}]}],"statement":"-- No row: it was changed meanwhile, or the account is gone. Without `before` it is set whatever it was.\nupdate users set password_hash = :passwordHash!\nwhere id = :id! and deleted_at is null and (:before::text is null or password_hash = :before)\nreturning username, email"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: it was changed meanwhile, or the account is gone. Without `before` it is set whatever it was.
 * update users set password_hash = :passwordHash!
 * where id = :id! and deleted_at is null and (:before::text is null or password_hash = :before)
 * returning username, email
 * ```
 */
export const replacePassword = new PreparedQuery<IReplacePasswordParams,IReplacePasswordResult>(replacePasswordIR);


/** 'ReplaceUsername' parameters type */
export interface IReplaceUsernameParams {
  id: string;
  username: string;
}

/** 'ReplaceUsername' return type */
export interface IReplaceUsernameResult {
  id: string;
}

/** 'ReplaceUsername' query type */
export interface IReplaceUsernameQuery {
  params: IReplaceUsernameParams;
  result: IReplaceUsernameResult;
}

const replaceUsernameIR: any = {"usedParamSet":{"username":true,"id":true},"params":[{"name":"username","required":true,"transform":{"type":"scalar"},"locs":[{"a":84,"b":93},{"a":203,"b":212}]},{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":106,"b":109}]}],"statement":"-- No row: somebody else's registration holds the name.\nupdate users set username = :username!\nwhere id = :id! and deleted_at is null\n  and not exists (select from pending_registrations where username = :username! and expires_at > now())\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: somebody else's registration holds the name.
 * update users set username = :username!
 * where id = :id! and deleted_at is null
 *   and not exists (select from pending_registrations where username = :username! and expires_at > now())
 * returning id
 * ```
 */
export const replaceUsername = new PreparedQuery<IReplaceUsernameParams,IReplaceUsernameResult>(replaceUsernameIR);


/** 'AnonymiseUser' parameters type */
export interface IAnonymiseUserParams {
  id: string;
  passwordHash: string;
}

/** 'AnonymiseUser' return type */
export interface IAnonymiseUserResult {
  id: string;
}

/** 'AnonymiseUser' query type */
export interface IAnonymiseUserQuery {
  params: IAnonymiseUserParams;
  result: IAnonymiseUserResult;
}

const anonymiseUserIR: any = {"usedParamSet":{"id":true,"passwordHash":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":360,"b":363}]},{"name":"passwordHash","required":true,"transform":{"type":"scalar"},"locs":[{"a":385,"b":398}]}],"statement":"-- What others keep of a deleted account: a name for the lines it wrote.\nupdate users set deleted_at = now(), username = 'deleted_' || left(replace(gen_random_uuid()::text, '-', ''), 20),\n  email = null, password_hash = null, display_name = 'Deleted account', about = '', avatar_type = null, avatar = null,\n  role = 'user', presence_visible = false\nwhere id = :id! and password_hash = :passwordHash! and deleted_at is null\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * -- What others keep of a deleted account: a name for the lines it wrote.
 * update users set deleted_at = now(), username = 'deleted_' || left(replace(gen_random_uuid()::text, '-', ''), 20),
 *   email = null, password_hash = null, display_name = 'Deleted account', about = '', avatar_type = null, avatar = null,
 *   role = 'user', presence_visible = false
 * where id = :id! and password_hash = :passwordHash! and deleted_at is null
 * returning id
 * ```
 */
export const anonymiseUser = new PreparedQuery<IAnonymiseUserParams,IAnonymiseUserResult>(anonymiseUserIR);


/** 'LockDeviceKeysOf' parameters type */
export interface ILockDeviceKeysOfParams {
  userId: string;
}

/** 'LockDeviceKeysOf' return type */
export interface ILockDeviceKeysOfResult {
  deviceId: string;
}

/** 'LockDeviceKeysOf' query type */
export interface ILockDeviceKeysOfQuery {
  params: ILockDeviceKeysOfParams;
  result: ILockDeviceKeysOfResult;
}

const lockDeviceKeysOfIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":200,"b":207}]}],"statement":"-- Before any conversation, as a commit takes them, and all in one order: a commit that adds one of these devices either\n-- is over by then or waits.\nselect device_id from device_keys where user_id = :userId! order by device_id for update"};

/**
 * Query generated from SQL:
 * ```
 * -- Before any conversation, as a commit takes them, and all in one order: a commit that adds one of these devices either
 * -- is over by then or waits.
 * select device_id from device_keys where user_id = :userId! order by device_id for update
 * ```
 */
export const lockDeviceKeysOf = new PreparedQuery<ILockDeviceKeysOfParams,ILockDeviceKeysOfResult>(lockDeviceKeysOfIR);


/** 'LockConversationsOf' parameters type */
export interface ILockConversationsOfParams {
  max: number;
  userId: string;
}

/** 'LockConversationsOf' return type */
export interface ILockConversationsOfResult {
  id: string;
}

/** 'LockConversationsOf' query type */
export interface ILockConversationsOfQuery {
  params: ILockConversationsOfParams;
  result: ILockConversationsOfResult;
}

const lockConversationsOfIR: any = {"usedParamSet":{"userId":true,"max":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":347,"b":354},{"a":498,"b":505}]},{"name":"max","required":true,"transform":{"type":"scalar"},"locs":[{"a":578,"b":582}]}],"statement":"-- Those whose groups a person's devices are in, and the most recent ones, in the order in which everybody locks them:\n-- revoking the devices one after the other would have an order of its own.\nselect c.id from conversations c where c.id in (\n  select g.conversation_id from group_members g join devices d on d.id = g.device_id where d.user_id = :userId!\n  union all\n  (select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id\n  where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer))\norder by c.id for no key update"};

/**
 * Query generated from SQL:
 * ```
 * -- Those whose groups a person's devices are in, and the most recent ones, in the order in which everybody locks them:
 * -- revoking the devices one after the other would have an order of its own.
 * select c.id from conversations c where c.id in (
 *   select g.conversation_id from group_members g join devices d on d.id = g.device_id where d.user_id = :userId!
 *   union all
 *   (select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id
 *   where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer))
 * order by c.id for no key update
 * ```
 */
export const lockConversationsOf = new PreparedQuery<ILockConversationsOfParams,ILockConversationsOfResult>(lockConversationsOfIR);


/** 'AnonymiseDevices' parameters type */
export interface IAnonymiseDevicesParams {
  userId: string;
}

/** 'AnonymiseDevices' return type */
export interface IAnonymiseDevicesResult {
  id: string;
}

/** 'AnonymiseDevices' query type */
export interface IAnonymiseDevicesQuery {
  params: IAnonymiseDevicesParams;
  result: IAnonymiseDevicesResult;
}

const anonymiseDevicesIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":114,"b":121}]}],"statement":"update devices set revoked_at = coalesce(revoked_at, now()), name = 'device', last_seen_at = null where user_id = :userId!\nreturning id"};

/**
 * Query generated from SQL:
 * ```
 * update devices set revoked_at = coalesce(revoked_at, now()), name = 'device', last_seen_at = null where user_id = :userId!
 * returning id
 * ```
 */
export const anonymiseDevices = new PreparedQuery<IAnonymiseDevicesParams,IAnonymiseDevicesResult>(anonymiseDevicesIR);


/** 'DeleteBlocksOf' parameters type */
export interface IDeleteBlocksOfParams {
  userId: string;
}

/** 'DeleteBlocksOf' return type */
export type IDeleteBlocksOfResult = void;

/** 'DeleteBlocksOf' query type */
export interface IDeleteBlocksOfQuery {
  params: IDeleteBlocksOfParams;
  result: IDeleteBlocksOfResult;
}

const deleteBlocksOfIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":35,"b":42},{"a":60,"b":67}]}],"statement":"delete from blocks where user_id = :userId! or blocked_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * delete from blocks where user_id = :userId! or blocked_id = :userId!
 * ```
 */
export const deleteBlocksOf = new PreparedQuery<IDeleteBlocksOfParams,IDeleteBlocksOfResult>(deleteBlocksOfIR);


/** 'DeleteMailsOf' parameters type */
export interface IDeleteMailsOfParams {
  userId: string;
}

/** 'DeleteMailsOf' return type */
export type IDeleteMailsOfResult = void;

/** 'DeleteMailsOf' query type */
export interface IDeleteMailsOfQuery {
  params: IDeleteMailsOfParams;
  result: IDeleteMailsOfResult;
}

const deleteMailsOfIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":47}]}],"statement":"delete from mail_outbox where user_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * delete from mail_outbox where user_id = :userId!
 * ```
 */
export const deleteMailsOf = new PreparedQuery<IDeleteMailsOfParams,IDeleteMailsOfResult>(deleteMailsOfIR);


/** 'DeleteLinkTokensOf' parameters type */
export interface IDeleteLinkTokensOfParams {
  userId: string;
}

/** 'DeleteLinkTokensOf' return type */
export type IDeleteLinkTokensOfResult = void;

/** 'DeleteLinkTokensOf' query type */
export interface IDeleteLinkTokensOfQuery {
  params: IDeleteLinkTokensOfParams;
  result: IDeleteLinkTokensOfResult;
}

const deleteLinkTokensOfIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":40,"b":47}]}],"statement":"delete from link_tokens where user_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * delete from link_tokens where user_id = :userId!
 * ```
 */
export const deleteLinkTokensOf = new PreparedQuery<IDeleteLinkTokensOfParams,IDeleteLinkTokensOfResult>(deleteLinkTokensOfIR);


/** 'ExportAccount' parameters type */
export interface IExportAccountParams {
  id: string;
}

/** 'ExportAccount' return type */
export interface IExportAccountResult {
  about: string;
  avatar: Buffer | null;
  avatarType: string | null;
  createdAt: Date;
  displayName: string;
  email: string | null;
  id: string;
  presenceVisible: boolean;
  role: string;
  username: string;
}

/** 'ExportAccount' query type */
export interface IExportAccountQuery {
  params: IExportAccountParams;
  result: IExportAccountResult;
}

const exportAccountIR: any = {"usedParamSet":{"id":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":127,"b":130}]}],"statement":"select id, username, email, display_name, about, avatar_type, avatar, role, presence_visible, created_at from users where id = :id!"};

/**
 * Query generated from SQL:
 * ```
 * select id, username, email, display_name, about, avatar_type, avatar, role, presence_visible, created_at from users where id = :id!
 * ```
 */
export const exportAccount = new PreparedQuery<IExportAccountParams,IExportAccountResult>(exportAccountIR);


/** 'ExportSessions' parameters type */
export interface IExportSessionsParams {
  userId: string;
}

/** 'ExportSessions' return type */
export interface IExportSessionsResult {
  createdAt: Date;
  deviceCreatedAt: Date;
  deviceId: string;
  deviceName: string;
  endedAt: Date | null;
  endedReason: string | null;
  id: string;
  lastSeenAt: Date | null;
  refreshedAt: Date;
  revokedAt: Date | null;
}

/** 'ExportSessions' query type */
export interface IExportSessionsQuery {
  params: IExportSessionsParams;
  result: IExportSessionsResult;
}

const exportSessionsIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":250,"b":257}]}],"statement":"select s.id, d.id as device_id, d.name as device_name, d.created_at as device_created_at, d.last_seen_at, d.revoked_at,\n  s.created_at, s.refreshed_at, s.ended_at, s.ended_reason\nfrom sessions s join devices d on d.id = s.device_id where s.user_id = :userId!\norder by s.created_at desc limit 1000"};

/**
 * Query generated from SQL:
 * ```
 * select s.id, d.id as device_id, d.name as device_name, d.created_at as device_created_at, d.last_seen_at, d.revoked_at,
 *   s.created_at, s.refreshed_at, s.ended_at, s.ended_reason
 * from sessions s join devices d on d.id = s.device_id where s.user_id = :userId!
 * order by s.created_at desc limit 1000
 * ```
 */
export const exportSessions = new PreparedQuery<IExportSessionsParams,IExportSessionsResult>(exportSessionsIR);


/** 'ExportBlocks' parameters type */
export interface IExportBlocksParams {
  userId: string;
}

/** 'ExportBlocks' return type */
export interface IExportBlocksResult {
  blockedId: string;
  createdAt: Date;
  username: string;
}

/** 'ExportBlocks' query type */
export interface IExportBlocksQuery {
  params: IExportBlocksParams;
  result: IExportBlocksResult;
}

const exportBlocksIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":114,"b":121}]}],"statement":"select b.blocked_id, u.username, b.created_at from blocks b join users u on u.id = b.blocked_id\nwhere b.user_id = :userId! order by b.created_at limit 10000"};

/**
 * Query generated from SQL:
 * ```
 * select b.blocked_id, u.username, b.created_at from blocks b join users u on u.id = b.blocked_id
 * where b.user_id = :userId! order by b.created_at limit 10000
 * ```
 */
export const exportBlocks = new PreparedQuery<IExportBlocksParams,IExportBlocksResult>(exportBlocksIR);


/** 'ExportConversations' parameters type */
export interface IExportConversationsParams {
  userId: string;
}

/** 'ExportConversations' return type */
export interface IExportConversationsResult {
  acceptedAt: Date | null;
  createdAt: Date;
  deliveredSeq: number;
  id: string;
  joinedSeq: number;
  kind: string;
  leftAt: Date | null;
  readSeq: number;
}

/** 'ExportConversations' query type */
export interface IExportConversationsQuery {
  params: IExportConversationsParams;
  result: IExportConversationsResult;
}

const exportConversationsIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":203,"b":210}]}],"statement":"select c.id, c.kind, c.created_at, p.joined_seq, p.delivered_seq, p.read_seq, p.accepted_at, p.left_at\nfrom conversation_participants p join conversations c on c.id = p.conversation_id\nwhere p.user_id = :userId! order by c.last_at desc limit 10000"};

/**
 * Query generated from SQL:
 * ```
 * select c.id, c.kind, c.created_at, p.joined_seq, p.delivered_seq, p.read_seq, p.accepted_at, p.left_at
 * from conversation_participants p join conversations c on c.id = p.conversation_id
 * where p.user_id = :userId! order by c.last_at desc limit 10000
 * ```
 */
export const exportConversations = new PreparedQuery<IExportConversationsParams,IExportConversationsResult>(exportConversationsIR);


/** 'WaitForDisk' parameters type */
export type IWaitForDiskParams = void;

/** 'WaitForDisk' return type */
export interface IWaitForDiskResult {
  waits: boolean;
}

/** 'WaitForDisk' query type */
export interface IWaitForDiskQuery {
  params: IWaitForDiskParams;
  result: IWaitForDiskResult;
}

const waitForDiskIR: any = {"usedParamSet":{},"params":[],"statement":"-- An entry of the WAL that means nothing: its transaction waits for the disk, as one does that writes something.\nselect pg_logical_emit_message(true, 'sotto', ''::text) is not null as \"waits!\""};

/**
 * Query generated from SQL:
 * ```
 * -- An entry of the WAL that means nothing: its transaction waits for the disk, as one does that writes something.
 * select pg_logical_emit_message(true, 'sotto', ''::text) is not null as "waits!"
 * ```
 */
export const waitForDisk = new PreparedQuery<IWaitForDiskParams,IWaitForDiskResult>(waitForDiskIR);


