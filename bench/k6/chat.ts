/**
 * People who talk: each sends one message every EVERY_MS on a schedule of its own (open loop), types before some,
 * reads, and reconnects now and then.
 */
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { type Device, endAll, OPEN_EVERY_MS, openAll, ownDevices } from './client.ts';
import { oneEach, seconds, setting, users, usersPerVu } from './seats.ts';

const everyMs = Number(setting('EVERY_MS', '1000'));
const crowd = users > 1000;
/** As long as opening takes at its pace, and a while for the last ones to be in sync. */
const arrivalMs = usersPerVu * OPEN_EVERY_MS + 2000;

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

/** Before one message in five; each person at a place of their own, or all would do it in the same second. */
const TYPES_EVERY = 5;
const READS_EVERY = 5;
const RECONNECTS_EVERY_MS = 60_000;

/** When everybody should be there: people talk from then on, and their arrival is what `reconnect-storm` measures. */
export const setup = (): number => Date.now() + arrivalMs;

export default function chat(everybodyIn: number): void {
  const devices = ownDevices();
  openAll(devices, () => {
    const begin = Math.max(Date.now(), everybodyIn);
    for (const device of devices) talk(device, begin);
    setTimeout(() => endAll(devices), begin - Date.now() + seconds * 1000 + 2000);
  });
}

function talk(device: Device, begin: number): void {
  const end = begin + seconds * 1000;
  const first = begin + Math.random() * everyMs;
  let leaves = begin + Math.random() * RECONNECTS_EVERY_MS;
  const types = Math.floor(Math.random() * TYPES_EVERY);
  const reads = Math.floor(Math.random() * READS_EVERY);
  let n = 0;
  const step = () => {
    const due = first + n * everyMs;
    if (due >= end) return;
    if (due > leaves) {
      leaves += RECONNECTS_EVERY_MS * (0.5 + Math.random());
      device.reconnect();
    }
    if (n % TYPES_EVERY === types) device.typing(true);
    device.send(Math.round(due));
    if (n % READS_EVERY === reads) device.read();
    n++;
    setTimeout(step, Math.max(0, first + n * everyMs - Date.now()));
  };
  setTimeout(step, first - Date.now());
}
