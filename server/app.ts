import { logId, logsParameters, serversHere } from '../sql/queries/instance.queries.ts';
import { createActivity } from './activity.ts';
import { openBus } from './bus/open.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import type { Hub } from './delivery/hub.ts';
import { closePaced } from './drain.ts';
import { commitRoute } from './http/commits.ts';
import { type Health, healthRoutes } from './http/health.ts';
import { metricsRoute } from './http/metrics.ts';
import type { Log } from './log.ts';
import { createMessaging } from './messaging.ts';
import { createMetrics } from './metrics.ts';
import { openPeople } from './people.ts';
import { takePorts } from './ports.ts';
import { watchDatabase } from './store/database-watch.ts';
import { startExpiry } from './store/expiry.ts';
import { gateLimits, openGate } from './store/gate.ts';
import { onceReachable } from './store/once-reachable.ts';
import { createPresenceStore } from './store/presence.ts';
import { createStores } from './store/stores.ts';

/** A running server, as its process sees it. */
export interface App {
  ready(): boolean;
  /** Takes no more work, ends connections over the given time, stores what is on its way. Never rejects. */
  drain(graceMs: number): Promise<void>;
}

/** Wires all parts together and takes the ports. */
export async function startApp(config: Config, databaseUrl: string, log: Log): Promise<App> {
  const clock = systemClock;
  const metrics = createMetrics();
  const gate = openGate(databaseUrl, gateLimits, metrics.gateWait);
  const stopExpiry = startExpiry({
    gate,
    clock,
    retentionDays: config.retentionDays,
    dropped: metrics.expired,
    failed: (err) => log.warn({ err }, 'dropping old messages failed'),
  });
  const { bus, leases } = openBus(config.redisUrl, clock.now, {
    ...metrics.bus,
    healthy: () => log.info('the bus is connected'),
    unhealthy(reason) {
      metrics.bus.unhealthy(reason);
      log.warn({ reason }, 'the bus is doubtful');
    },
    fault: (err) => log.debug({ err }, 'a connection to Redis failed'),
  });
  const [[instance], [parameters], [others]] = await onceReachable(
    () =>
      gate.run(
        'read',
        async (sql) =>
          [
            await logId.run(undefined, sql),
            await logsParameters.run(undefined, sql),
            await serversHere.run(undefined, sql),
          ] as const,
      ),
    (err) => log.warn({ err }, 'PostgreSQL went away'),
  );
  if (instance === undefined) throw new Error('the database has no log id');
  // A connection takes some 20 ms of CPU time: better now than when the first people come, all of them at once.
  await gate.connect().catch((err) => log.warn({ err }, 'not all connections to PostgreSQL could be made'));
  if (parameters?.logs === true)
    log.warn('PostgreSQL logs the values of statements, also search tags: set its log_parameter_max_length to 0');
  if (config.redisUrl === undefined && others !== undefined && others.connections > 0)
    log.warn(
      'another server uses this database, and there is no REDIS_URL: what one gets reaches the people of the other late',
    );
  const hub: Pick<Hub, 'end' | 'state' | 'connections'> = {
    end: (...ended) => messaging.hub.end(...ended),
    state: (...told) => messaging.hub.state(...told),
    connections: () => messaging.hub.connections(),
  };
  const activity = createActivity(clock.now);
  const queues = () => ({
    hellos: messaging.lobby.turns.waiting,
    sends: messaging.appender.waiting,
    marks: messaging.receipts.waiting,
    log_reads: messaging.loader.inFlight,
    bus_characters: bus.publishing,
  });
  const live = () => ({
    sockets: messaging.hub.size,
    requestsInFlight: activity.requestsInFlight(),
    messagesPerMinute: activity.messagesPerMinute(),
    queues: queues(),
  });
  const people = await openPeople({ config, gate, log, hub, show: (ids) => messaging.show(ids), live });
  const messaging = createMessaging({
    stores: createStores(gate),
    limits: people.limits,
    presence: { leases, store: createPresenceStore(gate) },
    bus,
    clock,
    log,
    metrics: activity.beside(metrics.sockets),
    observeBatch: metrics.batch,
    sendTimes: metrics.sends,
    requireMls: config.requireMls,
    positionCheckMs: config.positionCheckMs,
    people: people.handlers,
    verifyToken: people.verifyToken,
    logId: () => database.logId(),
  });
  const database = watchDatabase({
    gate,
    clock,
    logId: instance.logId,
    replaced(id) {
      log.warn(
        { logId: id },
        'another log is behind the address of PostgreSQL: connections are ended, so that clients read again',
      );
      messaging.lobby.endAll('draining');
    },
    away: (err) => log.warn({ err }, 'PostgreSQL does not answer'),
    back: (awayMs) => log.info({ awayMs }, 'PostgreSQL answers again'),
  });

  metrics.watch({
    sockets: () => ({ greeting: messaging.lobby.size - messaging.hub.size, ready: messaging.hub.size }),
    queues,
    requestsInFlight: activity.requestsInFlight,
    outboxes: () => messaging.hub.depths(),
    mailsWaiting: people.mailsWaiting,
    gate: () => gate.counts(),
    busDoubtful: () => bus.doubtful,
  });

  let draining = false;
  const health = (): Health => ({
    draining,
    databaseAwayMs: database.awayMs(),
    degraded: [...(bus.doubtful ? ['redis'] : []), ...people.away()],
  });
  const ports = await takePorts({
    config,
    log,
    lobby: messaging.lobby,
    routes: [
      ...healthRoutes(health),
      ...people.routes,
      commitRoute({ commits: messaging.commits, authenticate: people.authenticate }),
    ],
    adminRoutes: [metricsRoute(metrics), ...people.adminRoutes],
  });

  async function drain(graceMs: number): Promise<void> {
    draining = true;
    await closePaced(messaging.lobby.sessions, { graceMs, clock, random: Math.random });
    ports.stopAccepting();
    messaging.lobby.endAll('draining');
    await messaging.appender.idle();
    await messaging.receipts.flush();
    messaging.stop();
    ports.close();
    database.stop();
    stopExpiry();
    await people.close();
    await bus.close();
    leases.close();
    await gate.close();
  }

  return {
    ready: () => !draining,
    drain: (graceMs) => drain(graceMs).catch((error: unknown) => log.error({ err: error }, 'draining failed')),
  };
}
