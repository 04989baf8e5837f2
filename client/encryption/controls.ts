import { delay } from '../clock.ts';
import { NotEncodable } from '../codec.ts';
import { toBase64url } from '../e2ee/bytes.ts';
import { type Control, decodeContent, encodeContent, isControl } from '../e2ee/content.ts';
import { sealMessage } from '../e2ee/envelope.ts';
import { E2eeError } from '../e2ee/error.ts';
import { reasonOf, SottoError } from '../errors.ts';
import { backoffMs } from '../reconnect.ts';
import { readOne } from '../records.ts';
import type { Change } from '../store.ts';
import { Cooldowns } from './cooldowns.ts';
import { epochOf, type Group } from './groups.ts';
import type { Parts } from './parts.ts';
import { isPassing, notYet } from './problem.ts';
import { controlsRecord, keys, type PendingControl, put } from './records.ts';
import { dueKinds, freshKeys, settingsOf, sharedKeys } from './ring-rules.ts';

export type Wants = PendingControl['wants'];

const MAX_WAITING = 16;
const TRIES = 8;
/** After a refusal: messages go without what the control message was for. */
const REFUSED_MS = 1_000;
const MAX_REFUSED_MS = 300_000;

const quiet = new Set(['forbidden', 'not_found']);
const isMalformed = (error: unknown): boolean => error instanceof E2eeError && error.code === 'malformed';

type Needs = Pick<Parts, 'host' | 'engine' | 'directory' | 'device' | 'groups' | 'rings'> & {
  /** The group as a message may be encrypted for it, in the conversation's turn. */
  readonly ready: (conversationId: string) => Promise<Group>;
  readonly recover: (conversationId: string, error: SottoError) => Promise<boolean>;
};

/**
 * What devices tell each other inside a conversation without anybody seeing it: keys, requests for keys, settings. Kept
 * before it is sent, sent until there is an answer, and in effect when its entry comes in the log, like everyone's.
 */
export class Controls {
  readonly #parts: Needs;
  readonly #waiting = new Map<string, readonly PendingControl[]>();
  readonly #driving = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #refused: Cooldowns;

  constructor(parts: Needs) {
    this.#parts = parts;
    this.#refused = new Cooldowns(parts.host.clock, REFUSED_MS, MAX_REFUSED_MS);
  }

  connected(): void {
    this.#refused.clear();
  }

  /** Conversations in which something waits, of this run or an earlier one. */
  async conversations(): Promise<string[]> {
    return (await this.#parts.host.store.list({ prefix: keys.allControls })).map(({ key }) =>
      key.slice(keys.allControls.length),
    );
  }

  /** False for a while after a refusal. */
  mayTell(conversationId: string): boolean {
    return this.#refused.left(conversationId) === 0;
  }

  /** The changes that keep what is to be told, in the conversation's turn; `drive` sends it once they are stored. */
  async want(conversationId: string, wants: Wants): Promise<Change[]> {
    const waiting = await this.#list(conversationId);
    // For somebody who joined: what is encrypted already is not for them.
    const same = ({ wants: other, wire }: PendingControl) =>
      wants.is === 'keys'
        ? other.is === 'keys' && other.why === wants.why && (wire === undefined || wants.why !== 'joined')
        : other.is === wants.is && wants.is !== 'settings';
    if (waiting.some(same)) return [];
    if (waiting.length >= MAX_WAITING) throw notYet('too much waits to be told');
    return this.#keep(conversationId, [...waiting, { clientId: this.#parts.host.newId(), wants }]);
  }

  /** The entry of a control message of this device has come: what it says, and the changes that forget it. */
  async arrived(
    conversationId: string,
    clientId: string,
  ): Promise<{ content: Control; changes: Change[] } | undefined> {
    const waiting = await this.#list(conversationId);
    const own = waiting.find((each) => each.clientId === clientId);
    if (own?.content === undefined) return undefined;
    const content = decodeContent(own.content);
    if (!isControl(content)) return undefined;
    return {
      content,
      changes: this.#keep(
        conversationId,
        waiting.filter((each) => each !== own),
      ),
    };
  }

  /** Sends what waits, outside the conversation's turn. What is left goes on when an entry has come. */
  drive(conversationId: string): void {
    if (this.#driving.has(conversationId)) {
      this.#again.add(conversationId);
      return;
    }
    const drive = this.#drive(conversationId).finally(() => {
      this.#driving.delete(conversationId);
      if (this.#again.delete(conversationId)) this.drive(conversationId);
    });
    this.#driving.set(conversationId, drive);
    this.#parts.device.quietly(drive);
  }

  async #drive(conversationId: string): Promise<void> {
    const { clock, random, signal, turns } = this.#parts.host;
    for (let tries = 0; !signal.aborted; tries += 1) {
      let control: PendingControl | undefined;
      try {
        control = await turns.run(conversationId, () => this.#sealed(conversationId));
        // Offline: the next session begins here again.
        if (control?.wire === undefined || this.#parts.host.greeting() === undefined) return;
        return await this.#send(conversationId, control.clientId, control.wire);
      } catch (error) {
        if (signal.aborted) return;
        if (isPassing(error) && (control?.wire !== undefined || tries < TRIES)) {
          const after = error instanceof SottoError ? error.retryAfterMs : undefined;
          await delay(clock, after ?? backoffMs(tries, random()), signal);
          continue;
        }
        // The session is over: what waits goes on with the next one.
        if (error instanceof SottoError && error.code === 'unauthenticated') return;
        const isLate =
          error instanceof SottoError && (error.code === 'stale_epoch' || error.code === 'removal_required');
        if (isLate && tries < TRIES && (await this.#parts.recover(conversationId, error))) {
          await turns.run(conversationId, () => this.#unseal(conversationId, control));
          continue;
        }
        if (await this.#giveUp(conversationId, control, error)) return;
        // Whoever is blocked or has left learns that by the messages themselves.
        if (error instanceof NotEncodable || (error instanceof SottoError && quiet.has(error.code))) return;
        throw new Error(`a control message was not sent: ${reasonOf(error)}`, { cause: error });
      }
    }
  }

  async #send(conversationId: string, clientId: string, wire: NonNullable<PendingControl['wire']>): Promise<void> {
    const body = { conversationId, clientId, ...wire, silent: true };
    const { seq, sentAt } = await this.#parts.host.request('message.send', body);
    this.#refused.succeeded(conversationId);
    const { userId: senderId, deviceId: senderDeviceId } = this.#parts.host.me();
    // The reply took the place of its event.
    this.#parts.host.arrived({ ...body, seq, sentAt, senderId, senderDeviceId });
  }

  /** The first that waits, encrypted; what nobody needs any more is left out. In the conversation's turn. */
  async #sealed(conversationId: string): Promise<PendingControl | undefined> {
    const waiting = await this.#list(conversationId);
    const [first, ...others] = waiting;
    if (first === undefined || first.wire !== undefined) return first;
    const group = await this.#parts.ready(conversationId);
    const { state } = group;
    if (state === undefined) return undefined;
    const content = await this.#contentOf(conversationId, group, first.wants);
    if (content === undefined) {
      await this.#parts.host.write(this.#keep(conversationId, others));
      return this.#sealed(conversationId);
    }
    const own = await this.#parts.directory.user(this.#parts.host.me().userId);
    const { clientId } = first;
    // Never under a history key: a key must not lie in the archive that it opens.
    const sealed = await sealMessage(this.#parts.engine, state, {
      conversationId,
      clientId,
      content,
      accountHead: own.chain.at(-1)?.hash,
    });
    const { mls, content: ciphertext } = sealed.envelope;
    const wire = { epoch: epochOf(group), mls: toBase64url(mls), content: toBase64url(ciphertext) };
    const control = { ...first, wire, content: encodeContent(content) };
    await this.#parts.host.write([
      ...this.#parts.groups.next(conversationId, { ...group, state: sealed.state, sent: group.sent + 1 }, sealed),
      ...this.#keep(conversationId, [control, ...others]),
    ]);
    return control;
  }

  /** What is to be said now; undefined if there is nothing to say any more. */
  async #contentOf(conversationId: string, group: Group, wants: Wants): Promise<Control | undefined> {
    if (wants.is === 'keys_request') return { type: 'keys_request' };
    if (wants.is === 'settings') {
      const { is, ...settings } = wants;
      return { type: 'settings', ...settings };
    }
    const rings = await this.#parts.rings.get(conversationId);
    const settings = settingsOf(rings, group);
    if (settings === undefined) return undefined;
    const now = this.#parts.host.clock.now();
    const due = dueKinds(rings, settings, now).length > 0;
    if (due && wants.why !== 'asked') return freshKeys(rings, settings, now);
    return wants.why === 'due' ? undefined : sharedKeys(rings, settings, wants.why === 'asked');
  }

  /** It was refused for good, in the epoch it was encrypted for: it is encrypted anew. */
  async #unseal(conversationId: string, control: PendingControl | undefined): Promise<void> {
    const waiting = await this.#list(conversationId);
    const next = waiting.map((each) =>
      each.clientId === control?.clientId ? { clientId: this.#parts.host.newId(), wants: each.wants } : each,
    );
    await this.#parts.host.write(this.#keep(conversationId, next));
  }

  /** True if it was somebody's will, who is told of it. */
  async #giveUp(conversationId: string, control: PendingControl | undefined, error: unknown): Promise<boolean> {
    this.#refused.failed(conversationId);
    const wants = await this.#parts.host.turns.run(conversationId, async () => {
      const waiting = await this.#list(conversationId);
      const [first] = waiting;
      if (first === undefined || (control !== undefined && first.clientId !== control.clientId)) return undefined;
      // Settings are somebody's will: they wait for better times unless the server itself said no, or nobody could read them.
      if (first.wants.is === 'settings' && first.wire === undefined && !isMalformed(error)) return undefined;
      await this.#parts.host.write(this.#keep(conversationId, waiting.slice(1)));
      return first.wants;
    });
    this.#parts.host.pump(conversationId);
    // What waits behind it.
    if (wants !== undefined) this.drive(conversationId);
    if (wants?.is !== 'settings') return false;
    const { is: _, ...wanted } = wants;
    this.#parts.host.disagreed(conversationId, wanted, error);
    return true;
  }

  async #list(conversationId: string): Promise<readonly PendingControl[]> {
    const known = this.#waiting.get(conversationId);
    if (known !== undefined) return known;
    const kept = (await readOne(this.#parts.host.store, controlsRecord, keys.controls(conversationId))) ?? [];
    this.#waiting.set(conversationId, kept);
    return kept;
  }

  #keep(conversationId: string, waiting: readonly PendingControl[]): Change[] {
    this.#waiting.set(conversationId, waiting);
    const key = keys.controls(conversationId);
    return [waiting.length === 0 ? { key } : put(key, waiting)];
  }
}
