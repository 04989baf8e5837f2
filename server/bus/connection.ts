import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** What `REDIS_URL` says: one server, or the first known nodes of a Cluster. */
export type RedisAddress =
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'cluster'; readonly urls: readonly string[] };

/** One URL is a server; several, separated by commas, are nodes of a Redis Cluster. */
export function parseRedisAddress(text: string): RedisAddress {
  const urls = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const [first] = urls;
  if (first === undefined) throw new Error('no Redis address is given');
  for (const url of urls) {
    const { protocol } = new URL(url);
    if (protocol !== 'redis:' && protocol !== 'rediss:')
      throw new Error(`a Redis address starts with redis:// or rediss://, not ${protocol}//`);
  }
  return urls.length === 1 ? { kind: 'server', url: first } : { kind: 'cluster', urls };
}

/** Longer than this process may be busy with other things, so that it doesn't take its own pause for Redis's. */
const COMMAND_TIMEOUT_MS = 1000;

/**
 * Every wait is bounded: a command fails within milliseconds while Redis is away, and after a second if it hangs.
 * The library's defaults would queue without limit and let a publish hang for more than a minute.
 */
const BOUNDED = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: 2000,
  disconnectTimeout: 200,
  autoResendUnfulfilledCommands: false,
  // Whoever subscribes does it again itself, since it must know when that is confirmed.
  autoResubscribe: false,
} as const satisfies RedisOptions;

/** Back within about a second of Redis's return, and not all instances at the same moment. */
const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), 1000) + Math.random() * 100;

/** A bounded connection to one server. `fault` hears of every failed attempt to connect. */
export function openServer(url: string, fault: (error: Error) => void): Redis {
  const redis = new Redis(url, { ...BOUNDED, retryStrategy });
  redis.on('error', fault);
  return redis;
}

/** A bounded connection to a node whose address a Cluster told, with that Cluster's credentials. */
export function openNode(node: Redis, fault: (error: Error) => void): Redis {
  const { host = '127.0.0.1', port = 6379, username, password, tls } = node.options;
  const redis = new Redis({
    ...BOUNDED,
    retryStrategy,
    host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  });
  redis.on('error', fault);
  return redis;
}

/** A bounded Cluster client. Without auto-pipelining, which hands `MOVED` to the caller after a slot has moved. */
export function openCluster(urls: readonly string[], fault: (error: Error) => void): Cluster {
  const first = new URL(urls[0] ?? '');
  const credentials = {
    ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
    ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
    ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
  };
  const nodes = urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port || 6379) }));
  const cluster = new Cluster(nodes, {
    redisOptions: { ...BOUNDED, ...credentials },
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    clusterRetryStrategy: retryStrategy,
    maxRedirections: 3,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    slotsRefreshTimeout: 1000,
    slotsRefreshInterval: 3000,
  });
  cluster.on('error', fault);
  return cluster;
}

/** For whatever else needs Redis (rate limits, presence): the same bounds. Close it with `disconnect()`. */
export function openRedis(address: RedisAddress, fault: (error: Error) => void): Redis | Cluster {
  return address.kind === 'server' ? openServer(address.url, fault) : openCluster(address.urls, fault);
}
