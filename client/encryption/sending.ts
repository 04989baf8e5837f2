import { delay } from '../clock.ts';
import type { EncodedMessage, Outgoing } from '../codec.ts';
import { NotEncodable } from '../codec.ts';
import { toBase64url } from '../e2ee/bytes.ts';
import { type Content, encodeContent } from '../e2ee/content.ts';
import { type SearchTags, sealMessage } from '../e2ee/envelope.ts';
import { E2eeError } from '../e2ee/error.ts';
import type { RingKey } from '../e2ee/key-ring.ts';
import { searchTags } from '../e2ee/search-tags.ts';
import type { SottoError } from '../errors.ts';
import type { Plan } from './committing.ts';
import { epochOf, type Group } from './groups.ts';
import type { Parts } from './parts.ts';
import { blocked, notYet } from './problem.ts';
import type { Sharing } from './sharing.ts';

/** How long a refused message waits for the log to bring what it was refused for. */
const CATCH_UP_MS = 10_000;
const COMMIT_MS = 50;

type Needs = Pick<Parts, 'host' | 'engine' | 'directory' | 'device' | 'groups' | 'welcomes' | 'committing'> & {
  /** Both need each other. */
  readonly sharing: () => Sharing;
};

/** Encrypts what is first in line, after putting the group into the state in which it may be. */
export class Sending {
  readonly #parts: Needs;
  /** The highest version of a search key that the server last took, where it refused a higher one. */
  readonly #searchTop = new Map<string, number>();
  /** The last group and directory that needed no change. */
  readonly #settled = new Map<string, string>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  async encode({ conversationId, clientId, content, again, ...before }: Outgoing): Promise<EncodedMessage> {
    const valid = checkedContent(content);
    if (this.#parts.device.status === 'unlinked') throw notYet('this device is not linked yet', 1_000, 'not_linked');
    const signer = this.#parts.device.signer();
    const group = await this.ready(conversationId);
    const { state } = group;
    if (state === undefined) throw notYet('another device has to add this one', 1_000, 'not_added');
    const audience = await this.#audience(conversationId, group);
    if (again === true && before.audience !== audience)
      throw blocked(
        'members_changed',
        'The server lost it, and by now others would read it than those it was sent to.',
      );
    const keys = await this.#parts.sharing().keysInUse(conversationId, group);
    const own = await this.#parts.directory.user(signer.userId);
    const sealed = await sealMessage(this.#parts.engine, state, {
      conversationId,
      clientId,
      content: valid,
      historyKey: keys.history,
      search: this.#tags(conversationId, keys.search, valid),
      accountHead: own.chain.at(-1)?.hash,
    });
    const { envelope } = sealed;
    const changes = this.#parts.groups.next(
      conversationId,
      { ...group, state: sealed.state, sent: group.sent + 1 },
      sealed,
    );
    return {
      body: {
        // The conversation's epoch, which holds the group's generation too.
        epoch: epochOf(group),
        mls: toBase64url(envelope.mls),
        content: toBase64url(envelope.content),
        ...(envelope.search ? { search: { v: envelope.search.v, tags: envelope.search.tags.map(toBase64url) } } : {}),
        ...(envelope.wrap ? { wrap: { v: envelope.wrap.v, ct: toBase64url(envelope.wrap.ct) } } : {}),
      },
      audience,
      changes,
    };
  }

  /**
   * Who may read what is encrypted now, as something to compare: another one means that a device came in, or that somebody has
   * another identity. A server could say at any time that it lost everything, and would be sent the past for them too.
   */
  async #audience(conversationId: string, { users }: Group): Promise<string> {
    const pins = await Promise.all([...users].sort().map((userId) => this.#parts.directory.kept(userId)));
    // Joining a group on the way here may have counted.
    const { grown } = await this.#parts.groups.get(conversationId);
    return [grown, ...pins.map((user) => user?.pin?.since ?? 0)].join(' ');
  }

  /** Blind tags of the words, where the members have agreed to it among themselves and the server keeps them. */
  #tags(conversationId: string, key: RingKey | undefined, content: Content): SearchTags | undefined {
    if (key === undefined || this.#parts.host.conversation(conversationId)?.searchOnServer !== true) return undefined;
    if (key.v > (this.#searchTop.get(conversationId) ?? Number.POSITIVE_INFINITY)) return undefined;
    if (content.type !== 'text' && content.type !== 'edit') return undefined;
    return searchTags(conversationId, key, content.text);
  }

  /** The group as a message may be encrypted for it. Throws what has to happen first, after beginning it. */
  async ready(conversationId: string): Promise<Group> {
    let group = await this.#parts.groups.get(conversationId);
    if ((await this.#parts.groups.pending(conversationId)) !== undefined) {
      this.#drive(conversationId);
      throw notYet('the group is being changed', COMMIT_MS);
    }
    const users = await this.#parts.groups.usersOf(conversationId, group);
    await this.#checkIdentities(users);
    if (group.unsafe !== undefined && !mayRecover(group))
      throw blocked('conversation_unsafe', `Nothing is sent: the conversation is unsafe (${group.unsafe}).`);
    if (group.state === undefined) {
      const welcome = this.#parts.welcomes.first(conversationId, group);
      if (welcome === undefined) return this.#begin(conversationId, group);
      group = await this.#parts.welcomes.join(conversationId, group, welcome);
    }
    await this.#change(conversationId, group);
    const state = group.state;
    const members = state === undefined ? [] : this.#parts.engine.members(state);
    const absent = users.find((userId) => !members.some((member) => member.userId === userId));
    if (absent !== undefined) throw notYet('the other person has no device that could read it yet', 2_000, 'no_device');
    return group;
  }

  /** Nothing goes to somebody whose new identity nobody has accepted. */
  async #checkIdentities(users: readonly string[]): Promise<void> {
    for (const userId of users) {
      const { offered, rewritten } = await this.#parts.directory.user(userId);
      if (rewritten) throw blocked('identity_changed', 'The server contradicts itself about a person’s keys.');
      if (offered !== undefined)
        throw blocked('identity_changed', 'A person has a new identity that was not accepted.');
    }
  }

  /** Begins a conversation's first group; where there is one already, somebody in it has to add this device. */
  async #begin(conversationId: string, group: Group): Promise<never> {
    const { conversation } = await this.#parts.host.request('conversation.get', { conversationId });
    if (conversation.epoch > 0) throw notYet('another device has to add this one', 1_000, 'not_added');
    await this.startOver(conversationId, group, 0);
    this.#drive(conversationId);
    throw notYet('the group is being made', COMMIT_MS);
  }

  /** A new group with all devices, in the conversation's turn. */
  async startOver(conversationId: string, group: Group, baseEpoch: number): Promise<void> {
    const users = await this.#parts.groups.usersOf(conversationId, group);
    const plan = await this.#parts.committing.plan(conversationId, { ...group, users, state: undefined });
    const own = this.#parts.device.signer().userId;
    for (const userId of users) {
      if (userId !== own && !plan.adds.some((add) => add.userId === userId))
        throw notYet('the other person has no device that could read it yet', 2_000, 'no_device');
    }
    if (!(await this.#parts.committing.prepareNew(conversationId, { ...group, users }, baseEpoch, plan)))
      throw notYet('no device has key packages', 2_000, 'no_device');
  }

  /** Begins the changes that the directory asks for, if there are any. */
  async #change(conversationId: string, group: Group): Promise<void> {
    const plan = await this.#planned(conversationId, group);
    if (plan === undefined) return;
    if (!(await this.#parts.committing.prepare(conversationId, group, plan))) return;
    this.#drive(conversationId);
    throw notYet('the group is being changed', COMMIT_MS);
  }

  async #planned(conversationId: string, group: Group): Promise<Plan | undefined> {
    const key = `${epochOf(group)} ${this.#parts.directory.revision}`;
    const renew = this.#parts.committing.renewalDue(group);
    if (this.#settled.get(conversationId) === key && !renew) return undefined;
    const plan = await this.#parts.committing.plan(conversationId, group);
    if (plan.adds.length === 0 && plan.removes.length === 0 && !renew) {
      if (!plan.incomplete) this.#settled.set(conversationId, `${epochOf(group)} ${this.#parts.directory.revision}`);
      return undefined;
    }
    return { ...plan, renew };
  }

  /** Brings a group up to what the directory says, without a message: in the conversation's turn. */
  async maintain(conversationId: string, renew = false): Promise<void> {
    const group = await this.#parts.groups.get(conversationId);
    const pending = await this.#parts.groups.pending(conversationId);
    if (pending === undefined) {
      if (group.state?.status !== 'active' || group.unsafe !== undefined) return;
      const plan = renew
        ? { adds: [], removes: [], renew, incomplete: false }
        : await this.#planned(conversationId, group);
      if (plan === undefined || !(await this.#parts.committing.prepare(conversationId, group, plan))) return;
    }
    this.#drive(conversationId);
  }

  /** After a refusal: waits until the log has brought what the refusal was for. */
  async recover(conversationId: string, error: SottoError): Promise<boolean> {
    if (error.code === 'conflict') {
      // Somebody has made a key of a version far too high: what is written goes without tags.
      const top = error.details?.maxVersion;
      if (typeof top === 'number') this.#searchTop.set(conversationId, top);
      // The server keeps no tags of this conversation any more; the present conversation says so.
      await this.#parts.host.request('conversation.get', { conversationId });
      return true;
    }
    if (error.code === 'removal_required') this.#parts.directory.outdate();
    const told = error.details?.epoch;
    const epoch = typeof told === 'number' ? told : 0;
    const until = this.#parts.host.clock.now() + CATCH_UP_MS;
    for (let first = true; first || this.#parts.host.clock.now() < until; first = false) {
      const here = await this.#parts.host.turns.run(conversationId, async () => {
        const group = await this.#parts.groups.get(conversationId);
        if (error.code === 'stale_epoch' && epoch < epochOf(group)) await this.#checkEpoch(conversationId, group);
        return epochOf(group) >= epoch;
      });
      if (here) return true;
      await delay(this.#parts.host.clock, COMMIT_MS, this.#parts.host.signal);
    }
    // Encoding anew tells what is wrong, or waits for it.
    return true;
  }

  /** A server whose database was restored has lost the commits that led here: the group starts over. */
  async #checkEpoch(conversationId: string, group: Group): Promise<void> {
    const { conversation } = await this.#parts.host.request('conversation.get', { conversationId });
    if (conversation.epoch >= epochOf(group) || (await this.#parts.groups.pending(conversationId)) !== undefined)
      return;
    await this.startOver(conversationId, group, conversation.epoch);
    this.#drive(conversationId);
  }

  #drive(conversationId: string): void {
    this.#parts.device.quietly(this.#parts.committing.drive(conversationId));
  }
}

/** A group that could not be joined for who was in it may be joined once that was accepted. */
const mayRecover = (group: Group): boolean => group.state === undefined && group.unsafe === 'ghost_device';

/** What does not fit the schema would be unreadable for others. */
function checkedContent(content: Outgoing['content']): Content {
  try {
    const { type } = content;
    // Keys are told by this folder alone; settings by a call of their own.
    if (type === 'keys' || type === 'keys_request' || type === 'settings')
      throw new E2eeError('refused', 'Not for applications.');
    // Checked by the very schema that reads it.
    encodeContent(content as Content);
    return content as Content;
  } catch (error) {
    if (error instanceof E2eeError) throw new NotEncodable('bad_content', error.message);
    throw error;
  }
}
