import { type Logger, pino } from 'pino';

/** The only way to write a log line. Fields come first, then a sentence. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(fields: Record<string, unknown>): Log;
};

/** Fields that carry secrets or what the server is not meant to keep; at any of these depths. */
const SECRET = ['token', 'accessToken', 'refreshToken', 'password', 'newPassword', 'authorization', 'cookie', 'mls', 'content', 'wrap', 'search', 'url'];
const paths = SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** One JSON object a line, to standard output. */
export function createLog(level: string): Log {
  return pino({ level, base: null, redact: { paths, censor: '[redacted]' }, timestamp: pino.stdTimeFunctions.isoTime });
}
