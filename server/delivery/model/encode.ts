import { type Device, type Instance, part, SENDERS, type Send, type State } from './state.ts';

/**
 * The same state without what can make no difference any more, and with the two instances in one order of the two:
 * many states become one, which is what makes visiting all of them possible.
 */
export function encode(state: State): string {
  state.devices.forEach((device) => {
    device.asked &= ~device.stored;
    device.replied &= -1 << (device.held + 1);
    device.own &= -1 << (device.sent + 1);
    if (device.at < 0) Object.assign(device, { asked: 0, sent: 0, known: 0, own: 0 });
  });
  state.instances.forEach((instance, i) => {
    // A copy that will only be found to be stored, and whose reply nobody hears.
    instance.waiting = instance.waiting.filter(
      (one, k, all) =>
        one.live ||
        !(state.log.includes(one.message) || all.slice(0, k).some((earlier) => earlier.message === one.message)),
    );
    instance.batches = instance.batches.filter((batch) => batch.sends.length > 0);
    // What everyone there knows already, or where there is nobody.
    const known = Math.min(
      SENDERS.length,
      ...state.devices.filter((device) => device.at === i).map((device) => device.known),
    );
    state.bus[i] = (state.bus[i] ?? 0) & (-1 << (known + 1));
  });
  const [straight, crossed] = [write(state, 0), write(state, 1)];
  return straight < crossed ? straight : crossed;
}

/** One character per number; lists begin with their length. `first`: the instance that is written first. */
function write(state: State, first: number): string {
  const out: number[] = [state.log.length, ...state.log];
  const list = (sends: readonly Send[]): void =>
    void out.push(sends.length, ...sends.map((one) => one.message * 2 + Number(one.live)));
  for (const i of [first, 1 - first]) {
    const { waiting, batches } = part(state.instances, i);
    list(waiting);
    out.push(batches.length);
    for (const batch of batches) {
      out.push(Number(batch.committed));
      list(batch.sends);
    }
    out.push(part(state.bus, i));
  }
  for (const device of state.devices) {
    out.push(device.at < 0 ? 0 : device.at === first ? 1 : 2);
    for (const name of NUMBERS) out.push(device[name]);
  }
  return String.fromCharCode(...out);
}

const NUMBERS = ['sent', 'known', 'own', 'asked', 'held', 'replied', 'stored'] as const;

export function decode(text: string): State {
  let position = 0;
  const next = (): number => text.charCodeAt(position++);
  const times = <T>(make: () => T): T[] => Array.from({ length: next() }, make);
  const sends = (): Send[] => times(() => next()).map((number) => ({ message: number >> 1, live: (number & 1) === 1 }));
  const log = times(next);
  const instances: Instance[] = [];
  const bus: number[] = [];
  for (let i = 0; i < 2; i++) {
    instances.push({ waiting: sends(), batches: times(() => ({ committed: next() === 1, sends: sends() })) });
    bus.push(next());
  }
  const device = (): Device => ({
    at: next() - 1,
    sent: next(),
    known: next(),
    own: next(),
    asked: next(),
    held: next(),
    replied: next(),
    stored: next(),
  });
  return { log, instances, bus, devices: [device(), device()] };
}
