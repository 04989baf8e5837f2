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


/** 'LogsParameters' parameters type */
export type ILogsParametersParams = void;

/** 'LogsParameters' return type */
export interface ILogsParametersResult {
  logs: boolean;
}

/** 'LogsParameters' query type */
export interface ILogsParametersQuery {
  params: ILogsParametersParams;
  result: ILogsParametersResult;
}

const logsParametersIR: any = {"usedParamSet":{},"params":[],"statement":"-- Whether PostgreSQL writes the values of statements into its log.\nselect current_setting('log_parameter_max_length') <> '0' and (current_setting('log_statement') = 'all'\n  or current_setting('log_min_duration_statement') <> '-1' or current_setting('log_min_duration_sample') <> '-1'\n  or current_setting('log_transaction_sample_rate')::float8 > 0) as \"logs!\""};

/**
 * Query generated from SQL:
 * ```
 * -- Whether PostgreSQL writes the values of statements into its log.
 * select current_setting('log_parameter_max_length') <> '0' and (current_setting('log_statement') = 'all'
 *   or current_setting('log_min_duration_statement') <> '-1' or current_setting('log_min_duration_sample') <> '-1'
 *   or current_setting('log_transaction_sample_rate')::float8 > 0) as "logs!"
 * ```
 */
export const logsParameters = new PreparedQuery<ILogsParametersParams,ILogsParametersResult>(logsParametersIR);


/** 'ServersHere' parameters type */
export type IServersHereParams = void;

/** 'ServersHere' return type */
export interface IServersHereResult {
  connections: number;
}

/** 'ServersHere' query type */
export interface IServersHereQuery {
  params: IServersHereParams;
  result: IServersHereResult;
}

const serversHereIR: any = {"usedParamSet":{},"params":[],"statement":"-- Connections for sends: a server that has none yet sees those of others.\nselect count(*)::integer as \"connections!\" from pg_stat_activity\nwhere datname = current_database() and application_name = 'sotto append'"};

/**
 * Query generated from SQL:
 * ```
 * -- Connections for sends: a server that has none yet sees those of others.
 * select count(*)::integer as "connections!" from pg_stat_activity
 * where datname = current_database() and application_name = 'sotto append'
 * ```
 */
export const serversHere = new PreparedQuery<IServersHereParams,IServersHereResult>(serversHereIR);


