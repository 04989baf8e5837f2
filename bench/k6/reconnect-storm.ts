/**
 * The runner kills the server in the middle and starts it again: everybody comes back, and what was sent meanwhile
 * arrives in order.
 */
import type { Options } from 'k6/options';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { endAll, openAll, ownDevices } from './client.ts';
import { oneEach, seconds, users } from './seats.ts';

export const options: Options = {
  scenarios: { storm: oneEach(120) },
  thresholds: {
    back_ms: ['max<15000'],
    connections_opened: [`count>=${2 * users}`],
    faults: ['count==0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
};

const EVERY_MS = 5_000;

export default function storm(): void {
  const devices = ownDevices(true);
  openAll(devices, () => {
    for (const device of devices) {
      setTimeout(() => {
        const sending = setInterval(() => device.send(Date.now()), EVERY_MS);
        setTimeout(() => clearInterval(sending), (seconds - 5) * 1000 - EVERY_MS);
      }, Math.random() * EVERY_MS);
    }
    setTimeout(() => endAll(devices), seconds * 1000);
  });
}
