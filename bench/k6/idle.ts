/** Many devices that only stay: the runner measures what each costs the server. */
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { endAll, openAll, ownDevices } from './client.ts';
import { oneEach, seconds, users } from './seats.ts';

export const options: Options = {
  scenarios: { idle: oneEach(120) },
  thresholds: { faults: ['count==0'], connections_opened: [`count>=${users}`] },
};

export default function idle(): void {
  const devices = ownDevices();
  openAll(devices, () => setTimeout(() => endAll(devices), seconds * 1000));
}
