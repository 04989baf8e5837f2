/** Types generated for queries found in "sql/queries/keys.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'LockAccount' parameters type */
export interface ILockAccountParams {
  sessionId: string;
}

/** 'LockAccount' return type */
export interface ILockAccountResult {
  deviceId: string;
  userId: string;
}

/** 'LockAccount' query type */
export interface ILockAccountQuery {
  params: ILockAccountParams;
  result: ILockAccountResult;
}

const lockAccountIR: any = {"usedParamSet":{"sessionId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":243,"b":253}]}],"statement":"-- The account and device behind a live session; holds the account's keys until the transaction ends.\nselect u.id as user_id, d.id as device_id\nfrom sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id\nwhere s.id = :sessionId! and s.ended_at is null and d.revoked_at is null and u.suspended_at is null and u.deleted_at is null\nfor no key update of u"};

/**
 * Query generated from SQL:
 * ```
 * -- The account and device behind a live session; holds the account's keys until the transaction ends.
 * select u.id as user_id, d.id as device_id
 * from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
 * where s.id = :sessionId! and s.ended_at is null and d.revoked_at is null and u.suspended_at is null and u.deleted_at is null
 * for no key update of u
 * ```
 */
export const lockAccount = new PreparedQuery<ILockAccountParams,ILockAccountResult>(lockAccountIR);


/** 'AccountKeys' parameters type */
export interface IAccountKeysParams {
  userId: string;
}

/** 'AccountKeys' return type */
export interface IAccountKeysResult {
  createdAt: Date;
  hash: Buffer;
  key: Buffer;
  signature: Buffer | null;
  version: number;
}

/** 'AccountKeys' query type */
export interface IAccountKeysQuery {
  params: IAccountKeysParams;
  result: IAccountKeysResult;
}

const accountKeysIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":99,"b":106}]}],"statement":"select version, key, signature as \"signature?\", hash, created_at from account_keys where user_id = :userId! order by version"};

/**
 * Query generated from SQL:
 * ```
 * select version, key, signature as "signature?", hash, created_at from account_keys where user_id = :userId! order by version
 * ```
 */
export const accountKeys = new PreparedQuery<IAccountKeysParams,IAccountKeysResult>(accountKeysIR);


/** 'AccountKeyHeads' parameters type */
export interface IAccountKeyHeadsParams {
  userIds: string;
}

/** 'AccountKeyHeads' return type */
export interface IAccountKeyHeadsResult {
  hash: Buffer;
  userId: string;
  version: number;
}

/** 'AccountKeyHeads' query type */
export interface IAccountKeyHeadsQuery {
  params: IAccountKeyHeadsParams;
  result: IAccountKeyHeadsResult;
}

const accountKeyHeadsIR: any = {"usedParamSet":{"userIds":true},"params":[{"name":"userIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":103,"b":111}]}],"statement":"select distinct on (k.user_id) k.user_id, k.version, k.hash from account_keys k\nwhere k.user_id = any (:userIds!::text::uuid[]) order by k.user_id, k.version desc"};

/**
 * Query generated from SQL:
 * ```
 * select distinct on (k.user_id) k.user_id, k.version, k.hash from account_keys k
 * where k.user_id = any (:userIds!::text::uuid[]) order by k.user_id, k.version desc
 * ```
 */
export const accountKeyHeads = new PreparedQuery<IAccountKeyHeadsParams,IAccountKeyHeadsResult>(accountKeyHeadsIR);


/** 'InsertAccountKey' parameters type */
export interface IInsertAccountKeyParams {
  hash: Uint8Array;
  key: Uint8Array;
  signature?: Uint8Array | null | void;
  userId: string;
  version: number;
}

/** 'InsertAccountKey' return type */
export type IInsertAccountKeyResult = void;

/** 'InsertAccountKey' query type */
export interface IInsertAccountKeyQuery {
  params: IInsertAccountKeyParams;
  result: IInsertAccountKeyResult;
}

const insertAccountKeyIR: any = {"usedParamSet":{"userId":true,"version":true,"key":true,"signature":true,"hash":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":74,"b":81}]},{"name":"version","required":true,"transform":{"type":"scalar"},"locs":[{"a":84,"b":92}]},{"name":"key","required":true,"transform":{"type":"scalar"},"locs":[{"a":95,"b":99}]},{"name":"signature","required":false,"transform":{"type":"scalar"},"locs":[{"a":102,"b":111}]},{"name":"hash","required":true,"transform":{"type":"scalar"},"locs":[{"a":114,"b":119}]}],"statement":"insert into account_keys (user_id, version, key, signature, hash)\nvalues (:userId!, :version!, :key!, :signature, :hash!)"};

/**
 * Query generated from SQL:
 * ```
 * insert into account_keys (user_id, version, key, signature, hash)
 * values (:userId!, :version!, :key!, :signature, :hash!)
 * ```
 */
export const insertAccountKey = new PreparedQuery<IInsertAccountKeyParams,IInsertAccountKeyResult>(insertAccountKeyIR);


/** 'DeviceKey' parameters type */
export interface IDeviceKeyParams {
  deviceId: string;
}

/** 'DeviceKey' return type */
export interface IDeviceKeyResult {
  accountKeyVersion: number;
  crossSignature: Buffer;
  key: Buffer;
}

/** 'DeviceKey' query type */
export interface IDeviceKeyQuery {
  params: IDeviceKeyParams;
  result: IDeviceKeyResult;
}

const deviceKeyIR: any = {"usedParamSet":{"deviceId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":84,"b":93}]}],"statement":"select key, cross_signature, account_key_version from device_keys where device_id = :deviceId!"};

/**
 * Query generated from SQL:
 * ```
 * select key, cross_signature, account_key_version from device_keys where device_id = :deviceId!
 * ```
 */
export const deviceKey = new PreparedQuery<IDeviceKeyParams,IDeviceKeyResult>(deviceKeyIR);


/** 'DeviceKeys' parameters type */
export interface IDeviceKeysParams {
  userId: string;
}

/** 'DeviceKeys' return type */
export interface IDeviceKeysResult {
  accountKeyVersion: number;
  createdAt: Date;
  crossSignature: Buffer;
  deviceId: string;
  key: Buffer;
  revokedAt: Date | null;
}

/** 'DeviceKeys' query type */
export interface IDeviceKeysQuery {
  params: IDeviceKeysParams;
  result: IDeviceKeysResult;
}

const deviceKeysIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":291,"b":298}]}],"statement":"-- The keys of a person's devices, also of those that were revoked: whoever reads an old log meets them.\nselect k.device_id, k.key, k.cross_signature, k.account_key_version, k.created_at, d.revoked_at as \"revokedAt?\"\nfrom device_keys k join devices d on d.id = k.device_id\nwhere k.user_id = :userId! order by k.created_at, k.device_id"};

/**
 * Query generated from SQL:
 * ```
 * -- The keys of a person's devices, also of those that were revoked: whoever reads an old log meets them.
 * select k.device_id, k.key, k.cross_signature, k.account_key_version, k.created_at, d.revoked_at as "revokedAt?"
 * from device_keys k join devices d on d.id = k.device_id
 * where k.user_id = :userId! order by k.created_at, k.device_id
 * ```
 */
export const deviceKeys = new PreparedQuery<IDeviceKeysParams,IDeviceKeysResult>(deviceKeysIR);


/** 'PutDeviceKey' parameters type */
export interface IPutDeviceKeyParams {
  accountKeyVersion: number;
  crossSignature: Uint8Array;
  deviceId: string;
  key: Uint8Array;
  userId: string;
}

/** 'PutDeviceKey' return type */
export type IPutDeviceKeyResult = void;

/** 'PutDeviceKey' query type */
export interface IPutDeviceKeyQuery {
  params: IPutDeviceKeyParams;
  result: IPutDeviceKeyResult;
}

const putDeviceKeyIR: any = {"usedParamSet":{"deviceId":true,"userId":true,"key":true,"crossSignature":true,"accountKeyVersion":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":101,"b":110}]},{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":113,"b":120}]},{"name":"key","required":true,"transform":{"type":"scalar"},"locs":[{"a":123,"b":127}]},{"name":"crossSignature","required":true,"transform":{"type":"scalar"},"locs":[{"a":130,"b":145}]},{"name":"accountKeyVersion","required":true,"transform":{"type":"scalar"},"locs":[{"a":148,"b":166}]}],"statement":"insert into device_keys as k (device_id, user_id, key, cross_signature, account_key_version)\nvalues (:deviceId!, :userId!, :key!, :crossSignature!, :accountKeyVersion!)\non conflict (device_id) do update\nset cross_signature = excluded.cross_signature, account_key_version = excluded.account_key_version"};

/**
 * Query generated from SQL:
 * ```
 * insert into device_keys as k (device_id, user_id, key, cross_signature, account_key_version)
 * values (:deviceId!, :userId!, :key!, :crossSignature!, :accountKeyVersion!)
 * on conflict (device_id) do update
 * set cross_signature = excluded.cross_signature, account_key_version = excluded.account_key_version
 * ```
 */
export const putDeviceKey = new PreparedQuery<IPutDeviceKeyParams,IPutDeviceKeyResult>(putDeviceKeyIR);


/** 'RaiseKeysVersion' parameters type */
export interface IRaiseKeysVersionParams {
  userId: string;
}

/** 'RaiseKeysVersion' return type */
export interface IRaiseKeysVersionResult {
  keysVersion: number;
}

/** 'RaiseKeysVersion' query type */
export interface IRaiseKeysVersionQuery {
  params: IRaiseKeysVersionParams;
  result: IRaiseKeysVersionResult;
}

const raiseKeysVersionIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":60,"b":67}]}],"statement":"update users set keys_version = keys_version + 1 where id = :userId! returning keys_version"};

/**
 * Query generated from SQL:
 * ```
 * update users set keys_version = keys_version + 1 where id = :userId! returning keys_version
 * ```
 */
export const raiseKeysVersion = new PreparedQuery<IRaiseKeysVersionParams,IRaiseKeysVersionResult>(raiseKeysVersionIR);


/** 'KeysVersion' parameters type */
export interface IKeysVersionParams {
  userId: string;
}

/** 'KeysVersion' return type */
export interface IKeysVersionResult {
  keysVersion: number;
}

/** 'KeysVersion' query type */
export interface IKeysVersionQuery {
  params: IKeysVersionParams;
  result: IKeysVersionResult;
}

const keysVersionIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":42,"b":49}]}],"statement":"select keys_version from users where id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * select keys_version from users where id = :userId!
 * ```
 */
export const keysVersion = new PreparedQuery<IKeysVersionParams,IKeysVersionResult>(keysVersionIR);


/** 'Publisher' parameters type */
export interface IPublisherParams {
  sessionId: string;
}

/** 'Publisher' return type */
export interface IPublisherResult {
  key: Buffer;
}

/** 'Publisher' query type */
export interface IPublisherQuery {
  params: IPublisherParams;
  result: IPublisherResult;
}

const publisherIR: any = {"usedParamSet":{"sessionId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":274,"b":284}]}],"statement":"-- The key of a live session's device.\nselect k.key from sessions s\njoin devices d on d.id = s.device_id and d.revoked_at is null\njoin users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\nleft join device_keys k on k.device_id = d.id\nwhere s.id = :sessionId! and s.ended_at is null"};

/**
 * Query generated from SQL:
 * ```
 * -- The key of a live session's device.
 * select k.key from sessions s
 * join devices d on d.id = s.device_id and d.revoked_at is null
 * join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * left join device_keys k on k.device_id = d.id
 * where s.id = :sessionId! and s.ended_at is null
 * ```
 */
export const publisher = new PreparedQuery<IPublisherParams,IPublisherResult>(publisherIR);


/** 'LockDeviceKey' parameters type */
export interface ILockDeviceKeyParams {
  deviceId: string;
}

/** 'LockDeviceKey' return type */
export interface ILockDeviceKeyResult {
  deviceId: string;
}

/** 'LockDeviceKey' query type */
export interface ILockDeviceKeyQuery {
  params: ILockDeviceKeyParams;
  result: ILockDeviceKeyResult;
}

const lockDeviceKeyIR: any = {"usedParamSet":{"deviceId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":52,"b":61}]}],"statement":"select device_id from device_keys where device_id = :deviceId! for no key update"};

/**
 * Query generated from SQL:
 * ```
 * select device_id from device_keys where device_id = :deviceId! for no key update
 * ```
 */
export const lockDeviceKey = new PreparedQuery<ILockDeviceKeyParams,ILockDeviceKeyResult>(lockDeviceKeyIR);


/** 'DeleteExpiredPackages' parameters type */
export interface IDeleteExpiredPackagesParams {
  deviceId: string;
}

/** 'DeleteExpiredPackages' return type */
export type IDeleteExpiredPackagesResult = void;

/** 'DeleteExpiredPackages' query type */
export interface IDeleteExpiredPackagesQuery {
  params: IDeleteExpiredPackagesParams;
  result: IDeleteExpiredPackagesResult;
}

const deleteExpiredPackagesIR: any = {"usedParamSet":{"deviceId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":43,"b":52}]}],"statement":"delete from key_packages where device_id = :deviceId! and not_after < now()"};

/**
 * Query generated from SQL:
 * ```
 * delete from key_packages where device_id = :deviceId! and not_after < now()
 * ```
 */
export const deleteExpiredPackages = new PreparedQuery<IDeleteExpiredPackagesParams,IDeleteExpiredPackagesResult>(deleteExpiredPackagesIR);


/** 'InsertPackages' parameters type */
export interface IInsertPackagesParams {
  deviceId: string;
  notAfters: string;
  packages: string;
  refs: string;
  suite: number;
}

/** 'InsertPackages' return type */
export type IInsertPackagesResult = void;

/** 'InsertPackages' query type */
export interface IInsertPackagesQuery {
  params: IInsertPackagesParams;
  result: IInsertPackagesResult;
}

const insertPackagesIR: any = {"usedParamSet":{"deviceId":true,"suite":true,"refs":true,"notAfters":true,"packages":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":219,"b":228}]},{"name":"suite","required":true,"transform":{"type":"scalar"},"locs":[{"a":231,"b":237}]},{"name":"refs","required":true,"transform":{"type":"scalar"},"locs":[{"a":282,"b":287}]},{"name":"notAfters","required":true,"transform":{"type":"scalar"},"locs":[{"a":305,"b":315}]},{"name":"packages","required":true,"transform":{"type":"scalar"},"locs":[{"a":339,"b":348}]}],"statement":"-- A package that is here already or was handed out before is left alone: publishing again after a lost reply is no error.\ninsert into key_packages (ref, device_id, suite, last_resort, not_after, package)\nselect p.ref, :deviceId!, :suite!, false, p.not_after, p.package\nfrom unnest(:refs!::text::bytea[], :notAfters!::text::timestamptz[], :packages!::text::bytea[]) with ordinality\n  as p (ref, not_after, package, n)\nwhere not exists (select from key_claims c where c.ref = p.ref)\norder by p.n\non conflict (ref) do nothing"};

/**
 * Query generated from SQL:
 * ```
 * -- A package that is here already or was handed out before is left alone: publishing again after a lost reply is no error.
 * insert into key_packages (ref, device_id, suite, last_resort, not_after, package)
 * select p.ref, :deviceId!, :suite!, false, p.not_after, p.package
 * from unnest(:refs!::text::bytea[], :notAfters!::text::timestamptz[], :packages!::text::bytea[]) with ordinality
 *   as p (ref, not_after, package, n)
 * where not exists (select from key_claims c where c.ref = p.ref)
 * order by p.n
 * on conflict (ref) do nothing
 * ```
 */
export const insertPackages = new PreparedQuery<IInsertPackagesParams,IInsertPackagesResult>(insertPackagesIR);


/** 'DeleteLastResort' parameters type */
export interface IDeleteLastResortParams {
  deviceId: string;
  suite: number;
}

/** 'DeleteLastResort' return type */
export type IDeleteLastResortResult = void;

/** 'DeleteLastResort' query type */
export interface IDeleteLastResortQuery {
  params: IDeleteLastResortParams;
  result: IDeleteLastResortResult;
}

const deleteLastResortIR: any = {"usedParamSet":{"deviceId":true,"suite":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":43,"b":52}]},{"name":"suite","required":true,"transform":{"type":"scalar"},"locs":[{"a":66,"b":72}]}],"statement":"delete from key_packages where device_id = :deviceId! and suite = :suite! and last_resort"};

/**
 * Query generated from SQL:
 * ```
 * delete from key_packages where device_id = :deviceId! and suite = :suite! and last_resort
 * ```
 */
export const deleteLastResort = new PreparedQuery<IDeleteLastResortParams,IDeleteLastResortResult>(deleteLastResortIR);


/** 'InsertLastResort' parameters type */
export interface IInsertLastResortParams {
  deviceId: string;
  notAfter: Date;
  package: Uint8Array;
  ref: Uint8Array;
  suite: number;
}

/** 'InsertLastResort' return type */
export type IInsertLastResortResult = void;

/** 'InsertLastResort' query type */
export interface IInsertLastResortQuery {
  params: IInsertLastResortParams;
  result: IInsertLastResortResult;
}

const insertLastResortIR: any = {"usedParamSet":{"ref":true,"deviceId":true,"suite":true,"notAfter":true,"package":true},"params":[{"name":"ref","required":true,"transform":{"type":"scalar"},"locs":[{"a":90,"b":94}]},{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":97,"b":106}]},{"name":"suite","required":true,"transform":{"type":"scalar"},"locs":[{"a":109,"b":115}]},{"name":"notAfter","required":true,"transform":{"type":"scalar"},"locs":[{"a":124,"b":133}]},{"name":"package","required":true,"transform":{"type":"scalar"},"locs":[{"a":136,"b":144}]}],"statement":"insert into key_packages (ref, device_id, suite, last_resort, not_after, package)\nvalues (:ref!, :deviceId!, :suite!, true, :notAfter!, :package!)"};

/**
 * Query generated from SQL:
 * ```
 * insert into key_packages (ref, device_id, suite, last_resort, not_after, package)
 * values (:ref!, :deviceId!, :suite!, true, :notAfter!, :package!)
 * ```
 */
export const insertLastResort = new PreparedQuery<IInsertLastResortParams,IInsertLastResortResult>(insertLastResortIR);


/** 'CountPackages' parameters type */
export interface ICountPackagesParams {
  deviceId: string;
}

/** 'CountPackages' return type */
export interface ICountPackagesResult {
  lastResort: number;
  oneTime: number;
}

/** 'CountPackages' query type */
export interface ICountPackagesQuery {
  params: ICountPackagesParams;
  result: ICountPackagesResult;
}

const countPackagesIR: any = {"usedParamSet":{"deviceId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":151,"b":160}]}],"statement":"select count(*) filter (where not last_resort) as \"oneTime!\", count(*) filter (where last_resort) as \"lastResort!\"\nfrom key_packages where device_id = :deviceId! and not_after > now()"};

/**
 * Query generated from SQL:
 * ```
 * select count(*) filter (where not last_resort) as "oneTime!", count(*) filter (where last_resort) as "lastResort!"
 * from key_packages where device_id = :deviceId! and not_after > now()
 * ```
 */
export const countPackages = new PreparedQuery<ICountPackagesParams,ICountPackagesResult>(countPackagesIR);


/** 'Standing' parameters type */
export interface IStandingParams {
  conversationId: string;
  sessionId: string;
}

/** 'Standing' return type */
export interface IStandingResult {
  state: string;
}

/** 'Standing' query type */
export interface IStandingQuery {
  params: IStandingParams;
  result: IStandingResult;
}

const standingIR: any = {"usedParamSet":{"sessionId":true,"conversationId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":29,"b":39}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":42,"b":57}]}],"statement":"select conversation_standing(:sessionId!, :conversationId!) as \"state!\""};

/**
 * Query generated from SQL:
 * ```
 * select conversation_standing(:sessionId!, :conversationId!) as "state!"
 * ```
 */
export const standing = new PreparedQuery<IStandingParams,IStandingResult>(standingIR);


/** 'Claimable' parameters type */
export interface IClaimableParams {
  conversationId: string;
  deviceId: string;
}

/** 'Claimable' return type */
export interface IClaimableResult {
  deviceId: string;
  inGroup: boolean;
  userId: string;
}

/** 'Claimable' query type */
export interface IClaimableQuery {
  params: IClaimableParams;
  result: IClaimableResult;
}

const claimableIR: any = {"usedParamSet":{"conversationId":true,"deviceId":true},"params":[{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":390,"b":405}]},{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":448,"b":457}]}],"statement":"-- The devices whose packages could be claimed for a conversation.\nselect k.device_id, k.user_id,\n  exists (select from group_members g where g.conversation_id = p.conversation_id and g.device_id = k.device_id) as \"inGroup!\"\nfrom conversation_participants p\njoin device_keys k on k.user_id = p.user_id\njoin devices d on d.id = k.device_id and d.revoked_at is null\nwhere p.conversation_id = :conversationId! and p.left_at is null and k.device_id <> :deviceId!"};

/**
 * Query generated from SQL:
 * ```
 * -- The devices whose packages could be claimed for a conversation.
 * select k.device_id, k.user_id,
 *   exists (select from group_members g where g.conversation_id = p.conversation_id and g.device_id = k.device_id) as "inGroup!"
 * from conversation_participants p
 * join device_keys k on k.user_id = p.user_id
 * join devices d on d.id = k.device_id and d.revoked_at is null
 * where p.conversation_id = :conversationId! and p.left_at is null and k.device_id <> :deviceId!
 * ```
 */
export const claimable = new PreparedQuery<IClaimableParams,IClaimableResult>(claimableIR);


/** 'ClaimPackages' parameters type */
export interface IClaimPackagesParams {
  claimerDeviceId: string;
  conversationId: string;
  deviceIds: string;
  sessionId: string;
  suite: number;
}

/** 'ClaimPackages' return type */
export interface IClaimPackagesResult {
  deviceId: string;
  lastResort: boolean;
  left: number;
  package: Buffer;
  ref: Buffer;
  userId: string;
}

/** 'ClaimPackages' query type */
export interface IClaimPackagesQuery {
  params: IClaimPackagesParams;
  result: IClaimPackagesResult;
}

const claimPackagesIR: any = {"usedParamSet":{"deviceIds":true,"sessionId":true,"conversationId":true,"suite":true,"claimerDeviceId":true},"params":[{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":318,"b":328}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":383,"b":393}]},{"name":"conversationId","required":true,"transform":{"type":"scalar"},"locs":[{"a":396,"b":411},{"a":1326,"b":1341}]},{"name":"suite","required":true,"transform":{"type":"scalar"},"locs":[{"a":607,"b":613},{"a":1074,"b":1080}]},{"name":"claimerDeviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":1344,"b":1360}]}],"statement":"-- One package of each device, the oldest one; the last-resort one where there is no other. Whoever claims at the same\n-- time skips the rows locked here, so none is handed out twice. What expires within a day is left alone.\nwith wanted as (\n  select k.device_id, k.user_id from device_keys k where k.device_id = any (:deviceIds!::text::uuid[])\n    and (select conversation_standing(:sessionId!, :conversationId!)) = 'ok'\n), pick as materialized (\n  select k.ref from wanted w cross join lateral (\n    select o.ref from key_packages o\n    where o.device_id = w.device_id and not o.last_resort and o.suite = :suite! and o.not_after > now() + interval '1 day'\n    order by o.number for update skip locked limit 1) k\n), taken as (\n  delete from key_packages k using pick where k.ref = pick.ref\n  returning k.ref, k.device_id, k.package, k.last_resort, k.not_after\n), handed as (\n  select * from taken\n  union all\n  select k.ref, k.device_id, k.package, k.last_resort, k.not_after from wanted w\n  join key_packages k on k.device_id = w.device_id and k.last_resort and k.suite = :suite!\n    and k.not_after > now() + interval '1 day'\n  where not exists (select from taken t where t.device_id = w.device_id)\n), noted as (\n  insert into key_claims as c (ref, conversation_id, claimer_device_id, device_id, not_after)\n  select h.ref, :conversationId!, :claimerDeviceId!, h.device_id, h.not_after from handed h\n  on conflict (ref, conversation_id, claimer_device_id) do update set used_at = null\n)\nselect w.user_id, h.device_id as \"deviceId!\", h.ref as \"ref!\", h.package as \"package!\", h.last_resort as \"lastResort!\",\n  greatest((select count(*) from key_packages o where o.device_id = h.device_id and not o.last_resort and o.not_after > now())\n    - case when h.last_resort then 0 else 1 end, 0) as \"left!\"\nfrom handed h join wanted w on w.device_id = h.device_id\norder by w.user_id, h.device_id"};

/**
 * Query generated from SQL:
 * ```
 * -- One package of each device, the oldest one; the last-resort one where there is no other. Whoever claims at the same
 * -- time skips the rows locked here, so none is handed out twice. What expires within a day is left alone.
 * with wanted as (
 *   select k.device_id, k.user_id from device_keys k where k.device_id = any (:deviceIds!::text::uuid[])
 *     and (select conversation_standing(:sessionId!, :conversationId!)) = 'ok'
 * ), pick as materialized (
 *   select k.ref from wanted w cross join lateral (
 *     select o.ref from key_packages o
 *     where o.device_id = w.device_id and not o.last_resort and o.suite = :suite! and o.not_after > now() + interval '1 day'
 *     order by o.number for update skip locked limit 1) k
 * ), taken as (
 *   delete from key_packages k using pick where k.ref = pick.ref
 *   returning k.ref, k.device_id, k.package, k.last_resort, k.not_after
 * ), handed as (
 *   select * from taken
 *   union all
 *   select k.ref, k.device_id, k.package, k.last_resort, k.not_after from wanted w
 *   join key_packages k on k.device_id = w.device_id and k.last_resort and k.suite = :suite!
 *     and k.not_after > now() + interval '1 day'
 *   where not exists (select from taken t where t.device_id = w.device_id)
 * ), noted as (
 *   insert into key_claims as c (ref, conversation_id, claimer_device_id, device_id, not_after)
 *   select h.ref, :conversationId!, :claimerDeviceId!, h.device_id, h.not_after from handed h
 *   on conflict (ref, conversation_id, claimer_device_id) do update set used_at = null
 * )
 * select w.user_id, h.device_id as "deviceId!", h.ref as "ref!", h.package as "package!", h.last_resort as "lastResort!",
 *   greatest((select count(*) from key_packages o where o.device_id = h.device_id and not o.last_resort and o.not_after > now())
 *     - case when h.last_resort then 0 else 1 end, 0) as "left!"
 * from handed h join wanted w on w.device_id = h.device_id
 * order by w.user_id, h.device_id
 * ```
 */
export const claimPackages = new PreparedQuery<IClaimPackagesParams,IClaimPackagesResult>(claimPackagesIR);


/** 'DeleteExpiredClaims' parameters type */
export type IDeleteExpiredClaimsParams = void;

/** 'DeleteExpiredClaims' return type */
export type IDeleteExpiredClaimsResult = void;

/** 'DeleteExpiredClaims' query type */
export interface IDeleteExpiredClaimsQuery {
  params: IDeleteExpiredClaimsParams;
  result: IDeleteExpiredClaimsResult;
}

const deleteExpiredClaimsIR: any = {"usedParamSet":{},"params":[],"statement":"delete from key_claims where not_after < now()"};

/**
 * Query generated from SQL:
 * ```
 * delete from key_claims where not_after < now()
 * ```
 */
export const deleteExpiredClaims = new PreparedQuery<IDeleteExpiredClaimsParams,IDeleteExpiredClaimsResult>(deleteExpiredClaimsIR);


