import { type Device, has, part, SENDERS, type Send, type State, underway } from './state.ts';

/**
 * The delivery protocol as a model small enough to visit every state of it: one conversation, its log and cursors in
 * PostgreSQL, two instances with group commit, outboxes and a bus between them, two devices that send three messages.
 *
 * Between any two steps a fault may strike: an instance crashes, a bus message is lost (silently, or with the bus
 * noticing), a connection is lost or displaced so that replies and events vanish, and the device connects anywhere
 * while what its old connection sent is still on its way.
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

/** The most copies of one message that are on their way at once; without a bound there would be no end of states. */
const COPIES = 2;

/** Thrown where a promise is broken. */
export class Broken extends Error {}

/** A step that may be taken. `fault`: the system doesn't need it to make progress, and can't prevent it. */
export interface Step {
  readonly name: string;
  readonly fault: boolean;
  readonly take: (state: State) => void;
}

/** All steps that are possible in this state. */
export function steps(state: State, rules: Rules, faults: Faults): Step[] {
  const found: Step[] = [];
  const can = (name: string, take: (next: State) => void) => found.push({ name, fault: false, take });
  const strike = (name: string, take: (next: State) => void) => found.push({ name, fault: true, take });

  for (const [d, device] of state.devices.entries()) {
    if (device.at < 0) {
      // Which of its acknowledgements were stored in time is a matter of luck, so each possibility is tried.
      for (let cursor = 0; cursor <= device.held; cursor++)
        for (const i of [0, 1])
          can(`device ${d} connects to ${i} with cursor ${cursor}`, (next) => connect(next, d, i, cursor));
      continue;
    }
    strike(`the connection of device ${d} is lost or displaced`, (next) => lose(next, d));
    const message = SENDERS.findIndex((sender, m) => sender === d && !has(device.asked | device.stored, m));
    if (message >= 0 && underway(state).filter((one) => one.message === message).length < COPIES)
      can(`device ${d} sends ${message}`, (next) => send(next, d, message));
    if (device.sent < device.known) can(`outbox ${d} reads the log`, (next) => readLog(next, part(next.devices, d)));
    if (rules.positionCheck && device.known < state.log.length)
      can(`outbox ${d} checks its position`, (next) => check(next, part(next.devices, d)));
  }
  for (const [i, instance] of state.instances.entries()) {
    // How many were there when the batch was cut is a matter of time, so each number is tried.
    if (instance.batches.length < (rules.oneBatch ? 1 : 2))
      for (let n = 1; n <= instance.waiting.length; n++)
        can(`instance ${i} cuts a batch of ${n}`, (next) => cut(next, i, n, rules));
    for (const [b, batch] of instance.batches.entries()) {
      if (!batch.committed) can(`PostgreSQL commits batch ${b} of ${i}`, (next) => commit(next, i, b));
      else can(`instance ${i} publishes and replies for batch ${b}`, (next) => finish(next, i, b, rules));
    }
    const bus = part(state.bus, i);
    for (let seq = 1; seq <= SENDERS.length; seq++) {
      if (!has(bus, seq)) continue;
      can(`the bus brings ${seq} to ${i}`, (next) => bring(next, i, seq, rules));
      if (faults.silentLoss) strike(`the bus loses ${seq} for ${i}`, (next) => forget(next, i, seq));
    }
    if (bus !== 0) strike(`the bus of ${i} breaks and comes back`, (next) => doubt(next, i, rules));
    if (faults.crash) strike(`instance ${i} is killed and starts`, (next) => crash(next, i));
  }
  return found;
}

const at = (state: State, i: number): Device[] => state.devices.filter((device) => device.at === i);

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
  const { waiting, batches } = part(state.instances, i);
  const sends = waiting.splice(0, n);
  batches.push({ sends, committed: false });
  if (!rules.commitBeforeReply) for (const [k, one] of sends.entries()) reply(state, one, state.log.length + 1 + k);
  // Until its commit a batch can't be told from one that is cut later, unless one of these rules is off.
  else if (rules.oneBatch) commit(state, i, batches.length - 1);
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
  for (const one of batch?.sends ?? []) {
    const seq = state.log.indexOf(one.message) + 1;
    // The reply takes the event's place on the connection that sent the message.
    const origin = one.live ? state.devices[SENDERS[one.message] ?? -1] : undefined;
    for (const device of at(state, i)) offer(state, device, seq, rules, device === origin);
    // Pub/sub: whoever isn't connected there now is not reached.
    if (at(state, 1 - i).length > 0) state.bus[1 - i] = part(state.bus, 1 - i) | (1 << seq);
    if (rules.commitBeforeReply) reply(state, one, seq);
  }
}

function forget(state: State, i: number, seq: number): void {
  state.bus[i] = part(state.bus, i) & ~(1 << seq);
}

function bring(state: State, i: number, seq: number, rules: Rules): void {
  forget(state, i, seq);
  for (const device of at(state, i)) offer(state, device, seq, rules);
}

function doubt(state: State, i: number, rules: Rules): void {
  state.bus[i] = 0;
  if (rules.recheckAfterDoubt) for (const device of at(state, i)) check(state, device);
}

function crash(state: State, i: number): void {
  state.instances[i] = { waiting: [], batches: [] };
  state.bus[i] = 0;
  for (const device of at(state, i)) lose(state, state.devices.indexOf(device));
}

function check(state: State, device: Device): void {
  device.known = state.log.length;
}

/** An entry reaches an outbox. `own`: its device gets the reply instead. */
function offer(state: State, device: Device, seq: number, rules: Rules, own = false): void {
  device.known = Math.max(device.known, seq);
  if (seq <= device.sent) return;
  const next = seq === device.sent + 1 || !rules.gapCheck;
  if (own && next) device.sent = seq;
  else if (own) device.own |= 1 << seq;
  else if (next) push(state, device, seq);
}

function readLog(state: State, device: Device): void {
  while (device.sent < device.known) {
    if (has(device.own, device.sent + 1)) device.sent += 1;
    else push(state, device, device.sent + 1);
  }
}

function push(state: State, device: Device, seq: number): void {
  device.sent = seq;
  if (seq <= device.held) return;
  const d = state.devices.indexOf(device);
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
