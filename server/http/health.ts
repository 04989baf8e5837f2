import type { Route } from '../listen/transport.ts';

/** What readiness depends on. */
export interface Health {
  readonly draining: boolean;
  /** Since when PostgreSQL has not answered; undefined while it does. */
  readonly databaseAwayMs: number | undefined;
  /** What is away but not needed to serve: Redis, SMTP. */
  readonly degraded: readonly string[];
}

const MAX_DATABASE_AWAY_MS = 10_000;

export function healthRoutes(health: () => Health): Route[] {
  const answer = (status: number, body: object) => ({
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify(body),
  });
  return [
    { method: 'GET', path: '/healthz', maxBody: 0, handle: async () => answer(200, { status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      maxBody: 0,
      handle: async () => {
        const { draining, databaseAwayMs, degraded } = health();
        if (draining) return answer(503, { status: 'draining', away: [] });
        if (databaseAwayMs !== undefined && databaseAwayMs >= MAX_DATABASE_AWAY_MS) {
          return answer(503, { status: 'unavailable', away: ['postgres', ...degraded] });
        }
        const away = databaseAwayMs === undefined ? degraded : ['postgres', ...degraded];
        return answer(200, { status: away.length === 0 ? 'ok' : 'degraded', away });
      },
    },
  ];
}
