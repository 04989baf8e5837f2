/** Types generated for queries found in "sql/queries/instance.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'LogId' parameters type */
export type ILogIdParams = void;

/** 'LogId' return type */
export interface ILogIdResult {
  logId: string;
}

/** 'LogId' query type */
export interface ILogIdQuery {
  params: ILogIdParams;
  result: ILogIdResult;
}

const logIdIR: any = {"usedParamSet":{},"params":[],"statement":"select refresh_log_id() as \"logId!\""};

/**
 * Query generated from SQL:
 * ```
 * select refresh_log_id() as "logId!"
 * ```
 */
export const logId = new PreparedQuery<ILogIdParams,ILogIdResult>(logIdIR);


