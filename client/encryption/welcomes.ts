import { groupEpoch } from '../../protocol/epoch.ts';
import { groupIdBytes } from '../../protocol/identity.ts';
import type { EventBody } from '../../protocol/index.ts';
import { delay } from '../clock.ts';
import { NotEncodable } from '../codec.ts';
import { fromBase64url } from '../e2ee/bytes.ts';
import type { E2eeEngine } from '../e2ee/engine.ts';
import { E2eeError } from '../e2ee/error.ts';
import { checkJoined } from '../e2ee/group-checks.ts';
import { epochOf, type Group } from './groups.ts';
import { judge, vouched } from './membership.ts';
import type { Parts } from './parts.ts';
import { keys } from './records.ts';
import { afterAbsence } from './ring-rules.ts';

type Welcome = EventBody<'welcome.new'>;

/** How long an entry that cannot be read without a welcome waits for it. */
const PATIENCE_MS = 15_000;
const SHORT_PATIENCE_MS = 3_000;

type Needs = Pick<Parts, 'host' | 'engine' | 'directory' | 'device' | 'groups' | 'rings'>;

/** Invitations into groups. They come beside the log, and are taken at their place in it. */
export class Welcomes {
  readonly #parts: Needs;
  readonly #waiting = new Map<string, Welcome[]>();
  /** Called when one comes. */
  readonly #hopes = new Map<string, Set<() => void>>();
  /** Conversations that waited in vain in this session. */
  readonly #disappointed = new Set<string>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  connected(): void {
    this.#disappointed.clear();
  }

  /** A welcome came. It is repeated with each session until it is acknowledged. */
  put(welcome: Welcome): void {
    const { conversationId } = welcome;
    const list = (this.#waiting.get(conversationId) ?? []).filter(({ id }) => id !== welcome.id);
    this.#waiting.set(conversationId, [...list, welcome]);
    this.#disappointed.delete(conversationId);
    for (const hope of this.#hopes.get(conversationId) ?? []) hope();
  }

  /** Acknowledges what is behind the group, in the conversation's turn and after the group was stored. */
  settle(conversationId: string, group: Group): void {
    const left = (this.#waiting.get(conversationId) ?? []).filter(({ id, epoch }) => {
      if (epoch > epochOf(group)) return true;
      // Not heard: it comes again.
      return !this.#parts.host.notify('welcome.ack', { id });
    });
    if (left.length === 0) this.#waiting.delete(conversationId);
    else this.#waiting.set(conversationId, left);
  }

  /** Where nothing is known of a group, the log is read from the first invitation on. */
  first(conversationId: string, group: Group): Welcome | undefined {
    return (this.#waiting.get(conversationId) ?? [])
      .filter(({ epoch }) => epoch > epochOf(group))
      .sort((a, b) => a.epoch - b.epoch)[0];
  }

  #forget({ conversationId, id }: Welcome): void {
    this.#parts.host.notify('welcome.ack', { id });
    const left = (this.#waiting.get(conversationId) ?? []).filter((other) => other.id !== id);
    this.#waiting.set(conversationId, left);
  }

  /** The newest welcome for an epoch up to `until`, after waiting for one if `announced` says that there must be one. */
  async find(conversationId: string, group: Group, until: number, announced: boolean): Promise<Welcome | undefined> {
    const look = () =>
      (this.#waiting.get(conversationId) ?? [])
        .filter(({ epoch }) => epoch <= until && epoch > epochOf(group))
        .sort((a, b) => b.epoch - a.epoch)[0];
    const here = look();
    if (here !== undefined || this.#parts.device.status !== 'ready') return here;
    if (!announced && this.#disappointed.has(conversationId)) return undefined;
    const patience = new AbortController();
    const wake = () => {
      if (look() !== undefined) patience.abort();
    };
    const hopes = this.#hopes.get(conversationId) ?? new Set();
    this.#hopes.set(conversationId, hopes.add(wake));
    await delay(
      this.#parts.host.clock,
      announced ? PATIENCE_MS : SHORT_PATIENCE_MS,
      AbortSignal.any([patience.signal, this.#parts.host.signal]),
    );
    hopes.delete(wake);
    if (look() === undefined) this.#disappointed.add(conversationId);
    return look();
  }

  /**
   * Joins a group. The new value is in the store when it resolves. A group that must not be joined makes the
   * conversation unsafe; the welcome stays, because the application may still accept who is in it.
   */
  async join(conversationId: string, group: Group, welcome: Welcome): Promise<Group> {
    const { write, clock } = this.#parts.host;
    const bytes = fromBase64url(welcome.welcome);
    const { generation, mlsEpoch } = groupEpoch(welcome.epoch);
    const { groups, device, engine } = this.#parts;
    const users = await groups.usersOf(conversationId, group).catch(async (error: unknown) => {
      // The server names others than the two.
      if (error instanceof NotEncodable) await write(groups.distrust(conversationId, group, 'third_person'));
      throw error;
    });
    const signer = device.signer();
    const header = engine.inspect(bytes);
    const packages = await device.packagesFor(header.kind === 'welcome' ? header.refs : []);
    let joined: Awaited<ReturnType<E2eeEngine['join']>>;
    try {
      joined = await vouched(this.#parts.directory, users, () => engine.join(signer, bytes, packages));
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      const reason = error.code === 'unvouched' ? 'ghost_device' : 'unreadable';
      // It will not open another time either.
      if (reason === 'unreadable') this.#forget(welcome);
      await write(this.#parts.groups.distrust(conversationId, { ...group, users }, reason));
      throw error;
    }
    const { state, ref } = joined;
    const led = checkJoined(state, groupIdBytes(conversationId, generation), mlsEpoch);
    const reason =
      led.kind === 'unsafe'
        ? led.reason
        : await judge(this.#parts.directory, this.#parts.engine.members(state), { users, self: signer });
    if (reason !== undefined) {
      await write(this.#parts.groups.distrust(conversationId, { ...group, users }, reason));
      throw new E2eeError('refused', `The group must not be joined: ${reason}.`);
    }
    const used = packages.find((bundle) => bundle.ref.join() === ref.join());
    const next: Group = {
      generation,
      state,
      users,
      unsafe: undefined,
      joined: welcome.epoch,
      sent: 0,
      renewedAt: clock.now(),
      grown: group.grown,
    };
    await write([
      ...this.#parts.groups.next(conversationId, next),
      ...this.#parts.groups.setPending(conversationId, undefined),
      ...this.#parts.rings.next(conversationId, afterAbsence(await this.#parts.rings.get(conversationId))),
      ...(used?.lastResort === false ? [{ key: keys.package(ref) }] : []),
    ]);
    if (used?.lastResort) this.#parts.device.quietly(this.#parts.device.renewLastResort());
    this.settle(conversationId, next);
    return next;
  }
}
