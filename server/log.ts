import { type DestinationStream, type Logger, pino } from 'pino';

/** The only way to write a log line. Fields come first, then a sentence. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(fields: Record<string, unknown>): Log;
};

/** Fields that carry secrets or what the server is not meant to keep; hidden at the first three depths. */
const secret = [
  'token',
  'accessToken',
  'refreshToken',
  'password',
  'newPassword',
  'secret',
  'authorization',
  'cookie',
  'mls',
  'content',
  'commit',
  'welcome',
  'wrap',
  'search',
  'tags',
  'url',
];
const paths = secret.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** To standard output: one JSON object a line, or lines for people if that is a terminal. */
export function createLog(
  level: string,
  destination: DestinationStream = process.stdout.isTTY ? forPeople(process.stdout) : pino.destination(1),
): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths, censor: '[redacted]' },
      serializers: { err: describeError },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  );
}

interface DescribedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: DescribedError;
}

/** Chosen fields only: driver errors carry parameters and rows with them. */
function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { name: 'thrown', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  const cause = error.cause instanceof Error ? { cause: describeError(error.cause) } : {};
  return { name: error.name, message: error.message, ...code, ...stack, ...cause };
}

/** `07:31:02 warn  the bus is doubtful  channel=user:1` */
export function forPeople(out: { write(text: string): void }): DestinationStream {
  return {
    write(line) {
      const { time, level, msg = '', err, ...fields }: Record<string, unknown> = JSON.parse(line);
      const name = pino.levels.labels[Number(level)] ?? '';
      const rest = Object.entries(fields).map(
        ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      out.write(`${[String(time).slice(11, 19), name.padEnd(5), msg, ...rest].join(' ')}${errorLines(err)}\n`);
    },
  };
}

function errorLines(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const text = 'stack' in err ? err.stack : 'message' in err ? err.message : '';
  return `\n${text}${'cause' in err ? `\ncaused by:${errorLines(err.cause)}` : ''}`;
}
