/**
 * People who talk: each sends one message every EVERY_MS on a schedule of its own (open loop), types before some,
 * reads, and reconnects now and then.
 */
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { type Device, endAll, openAll, ownDevices } from './client.ts';
import { oneEach, seconds, setting, users } from './seats.ts';

const everyMs = Number(setting('EVERY_MS', '1000'));
const crowd = users > 1000;

export const options: Options = {
  scenarios: { chat: oneEach(60) },
  thresholds: {
    delivery_ms: crowd ? ['p(95)<250'] : ['p(95)<15', 'p(99)<40'],
    reply_ms: crowd ? ['p(95)<250'] : ['p(95)<15', 'p(99)<40'],
    faults: ['count==0'],
    messages_received: ['count>0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
};

const TYPES_BEFORE = 5;
const READS_AFTER = 5;
const RECONNECTS_EVERY_MS = 60_000;

export default function chat(): void {
  const devices = ownDevices();
  openAll(devices, () => {
    const end = Date.now() + seconds * 1000;
    for (const device of devices) talk(device, end);
    setTimeout(() => endAll(devices), seconds * 1000 + 2000);
  });
}

function talk(device: Device, end: number): void {
  const first = Date.now() + Math.random() * everyMs;
  let leaves = Date.now() + Math.random() * RECONNECTS_EVERY_MS;
  let n = 0;
  const step = () => {
    const due = first + n * everyMs;
    if (due >= end) return;
    if (due > leaves) {
      leaves += RECONNECTS_EVERY_MS * (0.5 + Math.random());
      device.reconnect();
    }
    if (n % TYPES_BEFORE === 0) device.typing(true);
    device.send(Math.round(due));
    if (n % READS_AFTER === 0) device.read();
    n++;
    setTimeout(step, Math.max(0, first + n * everyMs - Date.now()));
  };
  setTimeout(step, first - Date.now());
}
