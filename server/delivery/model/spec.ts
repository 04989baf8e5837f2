/**
 * The delivery protocol as a model small enough to visit every state of it: one conversation, its log and cursors in
 * PostgreSQL, two instances with group commit, outboxes and a bus between them, two devices that send three messages.
 *
 * Between any two steps a fault may strike: an instance crashes, a bus message is lost (silently, or with the bus
 * noticing), a connection is lost or displaced so that replies and events vanish, and the device connects anywhere
 * while what its old connection sent is still on its way.
 *
 * Sets of sequence numbers or messages are bit masks. Sequence numbers start at 1, messages and devices at 0.
 */

/** What the real code does, each of which a test switches off to see that the model notices. */
export interface Rules {
  /** A reply waits for the commit. */
  readonly commitBeforeReply: boolean;
  /** An entry whose predecessor was not sent is not pushed; the log is read instead. */
  readonly gapCheck: boolean;
  /** When the bus noticed a loss, outboxes compare their positions with the log. */
  readonly recheckAfterDoubt: boolean;
  /** Outboxes compare their positions with the log from time to time. */
  readonly positionCheck: boolean;
  /** A conversation is in at most one batch at a time. */
  readonly oneBatch: boolean;
}

export interface Faults {
  readonly crash: boolean;
  readonly silentLoss: boolean;
}

export const ALL_RULES: Rules = {
  commitBeforeReply: true,
  gapCheck: true,
  recheckAfterDoubt: true,
  positionCheck: true,
  oneBatch: true,
};

const SENDERS = [0, 0, 1];
const MESSAGES = SENDERS.length;

/** The most copies of one message that are on their way at once; without a bound there would be no end of states. */
const COPIES = 2;

/** A message on its way through an instance. `live`: the connection that sent it is still the device's. */
interface Send {
  readonly message: number;
  live: boolean;
}
interface Batch {
  readonly sends: Send[];
  committed: boolean;
}
interface Instance {
  waiting: Send[];
  batches: Batch[];
}
interface Device {
  /** Where it is connected, or -1. */
  at: number;
  /** The outbox: the last entry written, the highest known to exist, own entries whose reply was enough. */
  sent: number;
  known: number;
  own: number;
  /** Sent on this connection. */
  asked: number;
  /** The device: entries handed to the application, entries known by their reply, own messages known to be stored. */
  held: number;
  replied: number;
  stored: number;
}
export interface State {
  log: number[];
  instances: Instance[];
  bus: number[];
  devices: Device[];
}

/** Thrown where a promise is broken. */
export class Broken extends Error {}

export function initial(): State {
  const device = (): Device => ({ at: -1, sent: 0, known: 0, own: 0, asked: 0, held: 0, replied: 0, stored: 0 });
  return {
    log: [],
    instances: [
      { waiting: [], batches: [] },
      { waiting: [], batches: [] },
    ],
    bus: [0, 0],
    devices: [device(), device()],
  };
}

/** A step that may be taken. `fault`: the system doesn't need it to make progress, and can't prevent it. */
export interface Step {
  readonly name: string;
  readonly fault: boolean;
  readonly take: (state: State) => void;
}

/** All steps that are possible in this state. */
export function steps(state: State, rules: Rules, faults: Faults): Step[] {
  const found: Step[] = [];
  const can = (name: string, take: (state: State) => void): void => void found.push({ name, fault: false, take });
  const strike = (name: string, take: (state: State) => void): void => void found.push({ name, fault: true, take });

  state.devices.forEach((device, d) => {
    if (device.at < 0) {
      // Which of its acknowledgements were stored in time is a matter of luck, so each possibility is tried.
      for (let cursor = 0; cursor <= device.held; cursor++) {
        for (const i of [0, 1])
          can(`device ${d} connects to ${i} with cursor ${cursor}`, (next) => connect(next, d, i, cursor));
      }
      return;
    }
    strike(`the connection of device ${d} is lost or displaced`, (next) => lose(next, d));
    const message = SENDERS.findIndex((sender, m) => sender === d && !has(device.asked | device.stored, m));
    if (message >= 0 && copies(state, message) < COPIES)
      can(`device ${d} sends ${message}`, (next) => send(next, d, message));
    if (device.sent < device.known) can(`outbox ${d} reads the log`, (next) => readLog(next, d));
    if (rules.positionCheck && device.known < state.log.length)
      can(`outbox ${d} checks its position`, (next) => check(next, d));
  });
  state.instances.forEach((instance, i) => {
    if (instance.waiting.length > 0 && instance.batches.length < (rules.oneBatch ? 1 : 2)) {
      // How many were there when the batch was cut is a matter of time, so each number is tried.
      for (let n = 1; n <= instance.waiting.length; n++)
        can(`instance ${i} cuts a batch of ${n}`, (next) => cut(next, i, n, rules));
    }
    instance.batches.forEach((batch, b) => {
      if (!batch.committed) can(`PostgreSQL commits batch ${b} of ${i}`, (next) => commit(next, i, b));
      else can(`instance ${i} publishes and replies for batch ${b}`, (next) => finish(next, i, b, rules));
    });
    for (let seq = 1; seq <= MESSAGES; seq++) {
      if (!has(state.bus[i] ?? 0, seq)) continue;
      can(`the bus brings ${seq} to ${i}`, (next) => bring(next, i, seq, rules));
      if (faults.silentLoss) strike(`the bus loses ${seq} for ${i}`, (next) => forget(next, i, seq));
    }
    if ((state.bus[i] ?? 0) !== 0) strike(`the bus of ${i} breaks and comes back`, (next) => doubt(next, i, rules));
    if (faults.crash) strike(`instance ${i} is killed and starts`, (next) => crash(next, i));
  });
  return found;
}

/** From now on nothing that is written to this connection arrives; what it sent is still on its way. */
function lose(state: State, d: number): void {
  for (const one of underway(state)) if (SENDERS[one.message] === d) one.live = false;
  part(state.devices, d).at = -1;
}

function connect(state: State, d: number, i: number, cursor: number): void {
  Object.assign(part(state.devices, d), { at: i, sent: cursor, known: state.log.length, own: 0, asked: 0 });
}

function send(state: State, d: number, message: number): void {
  const device = part(state.devices, d);
  device.asked |= 1 << message;
  part(state.instances, device.at).waiting.push({ message, live: true });
}

function cut(state: State, i: number, n: number, rules: Rules): void {
  const instance = part(state.instances, i);
  const sends = instance.waiting.splice(0, n);
  instance.batches.push({ sends, committed: false });
  if (!rules.commitBeforeReply) for (const [k, one] of sends.entries()) reply(state, one, state.log.length + 1 + k);
  // Until its commit a batch can't be told from one that is cut later, unless one of these rules is off.
  else if (rules.oneBatch) commit(state, i, instance.batches.length - 1);
}

/** One transaction: what is stored already is found, the rest gets the next sequence numbers. */
function commit(state: State, i: number, b: number): void {
  const batch = part(part(state.instances, i).batches, b);
  batch.committed = true;
  for (const one of [...batch.sends]) {
    if (!state.log.includes(one.message)) state.log.push(one.message);
    // Found to be stored, and nobody waits for the answer: publishing it again can only help.
    else if (!one.live) batch.sends.splice(batch.sends.indexOf(one), 1);
  }
}

function finish(state: State, i: number, b: number, rules: Rules): void {
  const [batch] = part(state.instances, i).batches.splice(b, 1);
  batch?.sends.forEach((one) => {
    const seq = state.log.indexOf(one.message) + 1;
    const origin = one.live ? SENDERS[one.message] : undefined;
    state.devices.forEach((device, d) => {
      if (device.at !== i) return;
      if (d === origin) claim(device, seq, rules);
      else offer(state, d, seq, rules);
    });
    // Pub/sub: whoever isn't connected there now is not reached.
    if (state.devices.some((device) => device.at === 1 - i)) state.bus[1 - i] = (state.bus[1 - i] ?? 0) | (1 << seq);
    if (rules.commitBeforeReply) reply(state, one, seq);
  });
}

function forget(state: State, i: number, seq: number): void {
  state.bus[i] = part(state.bus, i) & ~(1 << seq);
}

function bring(state: State, i: number, seq: number, rules: Rules): void {
  forget(state, i, seq);
  for (const d of [0, 1]) if (state.devices[d]?.at === i) offer(state, d, seq, rules);
}

function doubt(state: State, i: number, rules: Rules): void {
  state.bus[i] = 0;
  for (const d of [0, 1]) if (rules.recheckAfterDoubt && state.devices[d]?.at === i) check(state, d);
}

function crash(state: State, i: number): void {
  state.instances[i] = { waiting: [], batches: [] };
  state.bus[i] = 0;
  for (const d of [0, 1]) if (state.devices[d]?.at === i) lose(state, d);
}

function check(state: State, d: number): void {
  part(state.devices, d).known = state.log.length;
}

function offer(state: State, d: number, seq: number, rules: Rules): void {
  const device = part(state.devices, d);
  device.known = Math.max(device.known, seq);
  if (seq === device.sent + 1 || (!rules.gapCheck && seq > device.sent)) push(state, d, seq);
}

/** The reply takes the event's place on the connection that sent the message. */
function claim(device: Device, seq: number, rules: Rules): void {
  device.known = Math.max(device.known, seq);
  if (seq === device.sent + 1 || (!rules.gapCheck && seq > device.sent)) device.sent = seq;
  else if (seq > device.sent) device.own |= 1 << seq;
}

function readLog(state: State, d: number): void {
  const device = part(state.devices, d);
  while (device.sent < device.known) {
    if (has(device.own, device.sent + 1)) device.sent += 1;
    else push(state, d, device.sent + 1);
  }
}

function push(state: State, d: number, seq: number): void {
  const device = part(state.devices, d);
  device.sent = seq;
  if (seq <= device.held) return;
  if (seq !== device.held + 1) throw new Broken(`device ${d} holds ${device.held} and is given ${seq}`);
  const message = part(state.log, seq - 1);
  if (SENDERS[message] === d) device.stored |= 1 << message;
  hold(device, seq);
}

function reply(state: State, one: Send, seq: number): void {
  const device = part(state.devices, SENDERS[one.message] ?? -1);
  if (!one.live) return;
  device.stored |= 1 << one.message;
  device.replied |= 1 << seq;
  if (seq === device.held + 1) hold(device, seq);
}

/** Hands it to the application, and after it what is already known by its reply. */
function hold(device: Device, seq: number): void {
  device.held = seq;
  while (has(device.replied, device.held + 1)) device.held += 1;
}

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
      MESSAGES,
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

/** Promises 1 and 2, as far as one state can show them. Receiving twice or with a hole is noticed by `push`. */
export function judge(state: State, ended: boolean): void {
  if (new Set(state.log).size !== state.log.length) throw new Broken('a message is in the log twice');
  const [first, second] = [state.log.indexOf(0), state.log.indexOf(1)];
  if (second >= 0 && (first < 0 || first > second)) throw new Broken('two messages of one device changed places');
  state.devices.forEach((device, d) => {
    SENDERS.forEach((_, m) => {
      if (has(device.stored, m) && !state.log.includes(m))
        throw new Broken(`message ${m} is acknowledged and not stored`);
    });
    if (device.held > state.log.length) throw new Broken(`device ${d} holds what is not in the log`);
    if (!ended) return;
    if (device.held < state.log.length) throw new Broken(`device ${d} never gets entry ${device.held + 1}`);
    SENDERS.forEach((sender, m) => {
      if (sender === d && !has(device.stored, m)) throw new Broken(`device ${d} never learns about message ${m}`);
    });
  });
}

const underway = (state: State): Send[] =>
  state.instances.flatMap(({ waiting, batches }) => [...waiting, ...batches.flatMap((batch) => batch.sends)]);

const copies = (state: State, message: number): number =>
  underway(state).filter((one) => one.message === message).length;

const has = (mask: number, bit: number): boolean => (mask & (1 << bit)) !== 0;

function part<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`the model has no part ${index}`);
  return found;
}
