import * as v from 'valibot';

/** Of k6's own metrics these say what the load was; those of the scenarios are all kept. */
const KEPT = /_ms(\{.*\})?$|^(connections_opened|messages_|faults|retries|checks|logins_|vus_max|data_)/;

const summary = v.object({ metrics: v.record(v.string(), v.record(v.string(), v.unknown())) });

/** What `k6 run --summary-export` wrote, without what nobody reads. */
export function readSummary(text: string): Record<string, Record<string, unknown>> {
  const { metrics } = v.parse(summary, JSON.parse(text));
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => KEPT.test(name)));
}
