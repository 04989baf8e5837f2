import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from './connection.ts';

const retryStrategy = (attempt: number): number => Math.min(100 * 2 ** Math.min(attempt, 5), 2_000);

/**
 * A connection for the job queue, which needs other bounds than the bus: it blocks for as long as there is no job, and
 * waits for Redis to come back. So whoever adds a job must bound that wait.
 */
export function openJobConnection(address: RedisAddress, fault: (error: Error) => void): Redis | Cluster {
  const options = { maxRetriesPerRequest: null, connectTimeout: 5_000 };
  if (address.kind === 'server') {
    const redis = new Redis(address.url, { ...options, retryStrategy });
    redis.on('error', fault);
    return redis;
  }
  const urls = address.urls.map((url) => new URL(url));
  const [first] = urls;
  const credentials = {
    ...(first?.username ? { username: decodeURIComponent(first.username) } : {}),
    ...(first?.password ? { password: decodeURIComponent(first.password) } : {}),
    ...(first?.protocol === 'rediss:' ? { tls: {} } : {}),
  };
  const cluster = new Cluster(
    urls.map((url) => ({ host: url.hostname, port: Number(url.port || 6379) })),
    { redisOptions: { ...options, ...credentials }, clusterRetryStrategy: retryStrategy },
  );
  cluster.on('error', fault);
  return cluster;
}
