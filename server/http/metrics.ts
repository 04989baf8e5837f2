import type { Route } from '../listen/transport.ts';
import type { Metrics } from '../metrics.ts';

/** For Prometheus, on the administrators' port only. */
export function metricsRoute(metrics: Pick<Metrics, 'contentType' | 'text'>): Route {
  return {
    method: 'GET',
    path: '/metrics',
    maxBody: 0,
    async handle() {
      const body = await metrics.text();
      return { status: 200, headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }, body };
    },
  };
}
