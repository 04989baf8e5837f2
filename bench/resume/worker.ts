/** One process of devices that lose their server; takes orders from `bench/resume.ts`. */
import { ReturningDevice } from './device.ts';
import type { News, Order } from './messages.ts';

const OPENING_AT_ONCE = 100;
const SENDING_AT_ONCE = 500;
const ACK_MS = 50;
const PING_MS = 40_000;
const STRIKES = 10;
const RETURN_WITHIN_MS = 120_000;
const PROBLEMS_KEPT = 5;

let devices: ReturningDevice[] = [];
let port = 0;
let look: (device: ReturningDevice) => void = () => {};
const problems: string[] = [];
const tell = (news: News): void => void process.send?.(news);

/** Does something to all devices, so many at a time, until each is done. */
function each(
  list: readonly ReturningDevice[],
  atOnce: number,
  act: (device: ReturningDevice) => void,
  done: (device: ReturningDevice) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let next = 0;
    const waiting = new Set<ReturningDevice>();
    const go = (): void => {
      while (waiting.size < atOnce && next < list.length) {
        const device = list[next++];
        if (device === undefined) break;
        waiting.add(device);
        act(device);
      }
      if (waiting.size === 0) resolve();
    };
    look = (device) => {
      if (done(device) && waiting.delete(device)) go();
    };
    go();
  });
}

async function returned(): Promise<void> {
  const missing = new Set(devices);
  const cpu = process.cpuUsage();
  const attempts = total((device) => device.attempts);
  const again = total((device) => device.again);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      problems.push(`${missing.size} devices are not back`);
      resolve();
    }, RETURN_WITHIN_MS);
    look = (device) => {
      // What the other one sent may be complete before or after.
      for (const one of [device, device.peer]) {
        if (one === undefined || !missing.has(one) || one.syncedAt === 0 || !one.complete) continue;
        one.completeAt = Date.now();
        missing.delete(one);
      }
      if (missing.size > 0) return;
      clearTimeout(timer);
      resolve();
    };
  });
  const used = process.cpuUsage(cpu);
  tell({
    did: 'return',
    syncedAt: devices.map((device) => device.syncedAt),
    completeAt: devices.map((device) => device.completeAt),
    sent: total((device) => device.sent),
    attempts: total((device) => device.attempts) - attempts,
    again: total((device) => device.again) - again,
    cpuMillis: (used.user + used.system) / 1000,
    problems,
  });
}

const total = (count: (device: ReturningDevice) => number): number =>
  devices.reduce((sum, device) => sum + count(device), 0);

function begin(order: Extract<Order, { do: 'open' }>): void {
  ({ port } = order);
  devices = order.seats.map(
    (seat, i) =>
      new ReturningDevice(seat, {
        index: order.firstIndex + i,
        run: order.run,
        port: () => port,
        changed: (device) => look(device),
        problem: (text) => problems.length < PROBLEMS_KEPT && problems.push(text),
      }),
  );
  devices.forEach((device, i) => {
    device.peer = devices[i ^ 1];
  });
  setInterval(() => {
    for (const device of devices) device.acknowledge();
  }, ACK_MS).unref();
  setInterval(() => {
    for (const device of devices) device.ping();
  }, PING_MS).unref();
  void each(
    devices,
    OPENING_AT_ONCE,
    (device) => device.open(),
    (device) => device.synced,
  ).then(() => tell({ did: 'open' }));
}

process.on('message', (order: Order) => {
  switch (order.do) {
    case 'open':
      return begin(order);
    case 'send':
      for (const device of devices) device.acknowledges = false;
      return void each(
        devices,
        SENDING_AT_ONCE,
        (device) => device.send(),
        (device) => device.idle,
      ).then(() => tell({ did: 'send' }));
    case 'strike':
      ({ port } = order);
      for (const device of devices) device.syncedAt = 0;
      void returned();
      for (let i = 0; i < devices.length; i += STRIKES) devices[i]?.send();
      return tell({ did: 'strike' });
    case 'stop':
      for (const device of devices) device.end();
      process.disconnect();
  }
});
process.on('disconnect', () => process.exit());
