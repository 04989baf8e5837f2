/** Types generated for queries found in "sql/queries/recovery.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'AccountHead' parameters type */
export interface IAccountHeadParams {
  userId: string;
}

/** 'AccountHead' return type */
export interface IAccountHeadResult {
  key: Buffer;
  version: number;
}

/** 'AccountHead' query type */
export interface IAccountHeadQuery {
  params: IAccountHeadParams;
  result: IAccountHeadResult;
}

const accountHeadIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":54,"b":61}]}],"statement":"select version, key from account_keys where user_id = :userId! order by version desc limit 1"};

/**
 * Query generated from SQL:
 * ```
 * select version, key from account_keys where user_id = :userId! order by version desc limit 1
 * ```
 */
export const accountHead = new PreparedQuery<IAccountHeadParams,IAccountHeadResult>(accountHeadIR);


/** 'RecoveryBlob' parameters type */
export interface IRecoveryBlobParams {
  userId: string;
}

/** 'RecoveryBlob' return type */
export interface IRecoveryBlobResult {
  blob: Buffer;
  signature: Buffer;
  version: number;
}

/** 'RecoveryBlob' query type */
export interface IRecoveryBlobQuery {
  params: IRecoveryBlobParams;
  result: IRecoveryBlobResult;
}

const recoveryBlobIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":68,"b":75}]}],"statement":"select version, blob, signature from recovery_blobs where user_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * select version, blob, signature from recovery_blobs where user_id = :userId!
 * ```
 */
export const recoveryBlob = new PreparedQuery<IRecoveryBlobParams,IRecoveryBlobResult>(recoveryBlobIR);


/** 'RecoveryBlobOf' parameters type */
export interface IRecoveryBlobOfParams {
  sessionId: string;
}

/** 'RecoveryBlobOf' return type */
export interface IRecoveryBlobOfResult {
  blob: Buffer | null;
  signature: Buffer | null;
  version: number | null;
}

/** 'RecoveryBlobOf' query type */
export interface IRecoveryBlobOfQuery {
  params: IRecoveryBlobOfParams;
  result: IRecoveryBlobOfResult;
}

const recoveryBlobOfIR: any = {"usedParamSet":{"sessionId":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":380,"b":390}]}],"statement":"-- No row: the session, device or account has ended. Nulls: there is no blob.\nselect b.version as \"version?\", b.blob as \"blob?\", b.signature as \"signature?\"\nfrom sessions s join devices d on d.id = s.device_id and d.revoked_at is null\njoin users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\nleft join recovery_blobs b on b.user_id = u.id\nwhere s.id = :sessionId! and s.ended_at is null"};

/**
 * Query generated from SQL:
 * ```
 * -- No row: the session, device or account has ended. Nulls: there is no blob.
 * select b.version as "version?", b.blob as "blob?", b.signature as "signature?"
 * from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
 * join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * left join recovery_blobs b on b.user_id = u.id
 * where s.id = :sessionId! and s.ended_at is null
 * ```
 */
export const recoveryBlobOf = new PreparedQuery<IRecoveryBlobOfParams,IRecoveryBlobOfResult>(recoveryBlobOfIR);


/** 'PutRecovery' parameters type */
export interface IPutRecoveryParams {
  blob: Uint8Array;
  signature: Uint8Array;
  userId: string;
  version: number;
}

/** 'PutRecovery' return type */
export type IPutRecoveryResult = void;

/** 'PutRecovery' query type */
export interface IPutRecoveryQuery {
  params: IPutRecoveryParams;
  result: IPutRecoveryResult;
}

const putRecoveryIR: any = {"usedParamSet":{"userId":true,"version":true,"blob":true,"signature":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":76,"b":83}]},{"name":"version","required":true,"transform":{"type":"scalar"},"locs":[{"a":86,"b":94}]},{"name":"blob","required":true,"transform":{"type":"scalar"},"locs":[{"a":97,"b":102}]},{"name":"signature","required":true,"transform":{"type":"scalar"},"locs":[{"a":105,"b":115}]}],"statement":"insert into recovery_blobs as b (user_id, version, blob, signature)\nvalues (:userId!, :version!, :blob!, :signature!)\non conflict (user_id) do update\nset version = excluded.version, blob = excluded.blob, signature = excluded.signature, updated_at = now()"};

/**
 * Query generated from SQL:
 * ```
 * insert into recovery_blobs as b (user_id, version, blob, signature)
 * values (:userId!, :version!, :blob!, :signature!)
 * on conflict (user_id) do update
 * set version = excluded.version, blob = excluded.blob, signature = excluded.signature, updated_at = now()
 * ```
 */
export const putRecovery = new PreparedQuery<IPutRecoveryParams,IPutRecoveryResult>(putRecoveryIR);


/** 'DeleteRecovery' parameters type */
export interface IDeleteRecoveryParams {
  userId: string;
}

/** 'DeleteRecovery' return type */
export type IDeleteRecoveryResult = void;

/** 'DeleteRecovery' query type */
export interface IDeleteRecoveryQuery {
  params: IDeleteRecoveryParams;
  result: IDeleteRecoveryResult;
}

const deleteRecoveryIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":43,"b":50}]}],"statement":"delete from recovery_blobs where user_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * delete from recovery_blobs where user_id = :userId!
 * ```
 */
export const deleteRecovery = new PreparedQuery<IDeleteRecoveryParams,IDeleteRecoveryResult>(deleteRecoveryIR);


/** 'ExportRecovery' parameters type */
export interface IExportRecoveryParams {
  userId: string;
}

/** 'ExportRecovery' return type */
export interface IExportRecoveryResult {
  bytes: number;
  updatedAt: Date;
  version: number;
}

/** 'ExportRecovery' query type */
export interface IExportRecoveryQuery {
  params: IExportRecoveryParams;
  result: IExportRecoveryResult;
}

const exportRecoveryIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":95,"b":102}]}],"statement":"select version, octet_length(blob) as \"bytes!\", updated_at from recovery_blobs where user_id = :userId!"};

/**
 * Query generated from SQL:
 * ```
 * select version, octet_length(blob) as "bytes!", updated_at from recovery_blobs where user_id = :userId!
 * ```
 */
export const exportRecovery = new PreparedQuery<IExportRecoveryParams,IExportRecoveryResult>(exportRecoveryIR);


