import * as v from 'valibot';
import { commitSend } from '../../protocol/commit.ts';
import { groupEpoch } from '../../protocol/epoch.ts';
import { groupIdBytes } from '../../protocol/identity.ts';
import { delay } from '../clock.ts';
import { equalBytes, fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import type { Change as GroupChange, GroupState } from '../e2ee/engine.ts';
import { E2eeError } from '../e2ee/error.ts';
import { isVouched } from '../e2ee/identity.ts';
import { reasonOf, SottoError } from '../errors.ts';
import { backoffMs } from '../reconnect.ts';
import { Cooldowns } from './cooldowns.ts';
import { epochOf, type Group } from './groups.ts';
import type { CodecHost } from './host.ts';
import type { Parts } from './parts.ts';
import { isPassing, notYet } from './problem.ts';
import { type PendingCommit, stateText } from './records.ts';

/** A device renews its keys in a group after so many messages, or so long, when it next sends. */
const RENEW_AFTER = 500;
const RENEW_MS = 7 * 86_400_000;
/** Packages that one claim hands out at most. */
const MAX_ADDS = 100;
/** How long a device without key packages is not asked for again: at first it is about to publish some. */
const NO_PACKAGES_MS = 1_000;
const MAX_NO_PACKAGES_MS = 60_000;
/** After a refused commit: the log has to bring what it was refused for, and every further one costs key packages. */
const REFUSED_MS = 100;
const MAX_REFUSED_MS = 30_000;

/** Who should be in a group and is not, and the other way round. */
export interface Plan {
  readonly adds: readonly { readonly userId: string; readonly deviceId: string }[];
  readonly removes: readonly string[];
  readonly renew: boolean;
  /** A device is left out that had no key packages a moment ago. */
  readonly incomplete: boolean;
}

type Needs = Pick<Parts, 'host' | 'engine' | 'directory' | 'device' | 'groups' | 'moved'>;

/**
 * Changes to groups. A commit is kept before it is sent, sent until there is an answer, and takes effect when its entry
 * comes in the log: so states follow the log, whoever wins.
 */
export class Committing {
  readonly #parts: Needs;
  readonly #driving = new Map<string, Promise<void>>();
  /** By conversation. */
  readonly #refused: Cooldowns;
  /** By device. */
  readonly #withoutPackages: Cooldowns;

  constructor(parts: Needs) {
    this.#parts = parts;
    this.#refused = new Cooldowns(parts.host.clock, REFUSED_MS, MAX_REFUSED_MS);
    this.#withoutPackages = new Cooldowns(parts.host.clock, NO_PACKAGES_MS, MAX_NO_PACKAGES_MS);
  }

  connected(): void {
    this.#refused.clear();
    this.#withoutPackages.clear();
  }

  /** What the directory says should change in the group, in the conversation's turn. */
  async plan(conversationId: string, group: Group): Promise<Plan> {
    const users = await this.#parts.groups.usersOf(conversationId, group);
    const members = group.state === undefined ? [] : this.#parts.engine.members(group.state);
    const own = this.#parts.device.signer().deviceId;
    const adds: { userId: string; deviceId: string }[] = [];
    const removes: string[] = [];
    let incomplete = false;
    for (const userId of new Set([...users, ...members.map((member) => member.userId)])) {
      const { accountKeys, devices, revoked } = await this.#parts.directory.known(userId);
      const good = new Map<string, Uint8Array>();
      for (const device of devices) {
        if (revoked.includes(device.deviceId) || !users.includes(userId)) continue;
        if (await isVouched(accountKeys, userId, device)) good.set(device.deviceId, device.key);
      }
      for (const member of members.filter((each) => each.userId === userId)) {
        const key = good.get(member.deviceId);
        if (member.deviceId !== own && !(key && equalBytes(key, member.signatureKey))) removes.push(member.deviceId);
      }
      for (const deviceId of good.keys()) {
        if (deviceId === own || members.some((member) => member.deviceId === deviceId)) continue;
        if (this.#withoutPackages.left(deviceId) > 0) incomplete = true;
        else adds.push({ userId, deviceId });
      }
    }
    return { adds, removes, renew: false, incomplete };
  }

  /** Now and then a device renews its keys in a group, so that one stolen long ago opens nothing any more. */
  renewalDue({ sent, renewedAt }: Group): boolean {
    return sent >= RENEW_AFTER || (sent > 0 && this.#parts.host.clock.now() - renewedAt > RENEW_MS);
  }

  /** Makes a commit and keeps it, in the conversation's turn; `drive` sends it. False if there was nothing to change. */
  async prepare(conversationId: string, group: Group, plan: Plan): Promise<boolean> {
    const { state } = group;
    if (state === undefined || (plan.adds.length === 0 && plan.removes.length === 0 && !plan.renew)) return false;
    const packages = await this.#claim(conversationId, plan.adds, false);
    if (packages.length === 0 && plan.removes.length === 0 && !plan.renew) return false;
    await this.#keep(conversationId, group, state, epochOf(group), packages, plan.removes);
    return true;
  }

  /** The same for a conversation's first group, or one that starts over. Its users must be known by now. */
  async prepareNew(conversationId: string, group: Group, baseEpoch: number, plan: Plan): Promise<boolean> {
    const reset = baseEpoch > 0;
    const generation = reset ? groupEpoch(baseEpoch).generation + 1 : 0;
    const packages = await this.#claim(conversationId, plan.adds, reset);
    if (packages.length === 0) return false;
    const signer = this.#parts.device.signer();
    const state = await this.#parts.engine.createGroup(signer, groupIdBytes(conversationId, generation));
    await this.#keep(conversationId, group, state, baseEpoch, packages, []);
    return true;
  }

  async #keep(
    conversationId: string,
    group: Group,
    state: GroupState,
    baseEpoch: number,
    packages: readonly { deviceId: string; ref: string; package: string }[],
    removes: readonly string[],
  ): Promise<void> {
    const change: GroupChange = { adds: packages.map((each) => fromBase64url(each.package)), removes };
    const made = await this.#parts.engine.commit(state, change);
    const pending: PendingCommit = {
      clientId: this.#parts.host.newId(),
      baseEpoch,
      groupId: toBase64url(made.state.groupId),
      commit: toBase64url(made.commit),
      adds: packages.map(({ deviceId, ref }) => ({ deviceId, ref })),
      removes: [...removes],
      next: stateText(this.#parts.engine, made.state),
      ...(made.welcome ? { welcome: toBase64url(made.welcome) } : {}),
    };
    const users = group.users.length > 0 ? group.users : await this.#parts.groups.usersOf(conversationId, group);
    await this.#parts.host.write([
      ...this.#parts.groups.next(conversationId, { ...group, users }),
      ...this.#parts.groups.setPending(conversationId, pending),
    ]);
  }

  /** One key package of each device, of those that have one, each judged to be of that device. */
  async #claim(conversationId: string, adds: Plan['adds'], reset: boolean) {
    const wait = this.#refused.left(conversationId);
    if (wait > 0) throw notYet('a change of the group was refused a moment ago', wait);
    if (adds.length === 0) return [];
    const deviceIds = adds.slice(0, MAX_ADDS).map(({ deviceId }) => deviceId);
    const { packages } = await this.#parts.host
      .request('keys.claim', { conversationId, deviceIds, ...(reset ? { reset } : {}) })
      .catch((error: unknown) => {
        if (!(error instanceof SottoError) || (error.code !== 'conflict' && error.code !== 'not_found')) throw error;
        // Somebody else added one meanwhile, or it was revoked: the log or the directory will say so.
        this.#parts.directory.outdate();
        throw notYet('the group has changed', 250);
      });
    const good = [];
    for (const claimed of packages) {
      const wanted = adds.find(({ deviceId }) => deviceId === claimed.deviceId);
      const header = this.#parts.engine.inspect(fromBase64url(claimed.package));
      const device = (await this.#parts.directory.user(claimed.userId)).devices.find(
        (each) => each.deviceId === claimed.deviceId,
      );
      const fits =
        wanted?.userId === claimed.userId &&
        header.kind === 'key_package' &&
        header.deviceId === claimed.deviceId &&
        header.userId === claimed.userId &&
        device !== undefined &&
        equalBytes(device.key, header.signatureKey);
      if (fits) good.push(claimed);
      else this.#parts.host.onProblem(new E2eeError('refused', `A key package is not of device ${claimed.deviceId}.`));
    }
    for (const deviceId of deviceIds) {
      if (!good.some((claimed) => claimed.deviceId === deviceId)) this.#missed(conversationId, deviceId);
    }
    return good;
  }

  /** Looks again, later each time. */
  #missed(conversationId: string, deviceId: string): void {
    const { clock, signal } = this.#parts.host;
    const cancel = clock.after(this.#withoutPackages.failed(deviceId) + 1, () => {
      signal.removeEventListener('abort', cancel);
      if (this.#parts.host.greeting() !== undefined) this.#parts.moved(conversationId);
    });
    signal.addEventListener('abort', cancel, { once: true });
  }

  /** Sends the kept commit until there is an answer, outside the conversation's turn. */
  drive(conversationId: string): Promise<void> {
    const driving = this.#driving.get(conversationId);
    if (driving !== undefined) return driving;
    const drive = this.#drive(conversationId).finally(() => this.#driving.delete(conversationId));
    this.#driving.set(conversationId, drive);
    return drive;
  }

  async #drive(conversationId: string): Promise<void> {
    const { turns, clock, random, signal, write } = this.#parts.host;
    for (let tries = 0; !signal.aborted; tries += 1) {
      const pending = await turns.run(conversationId, () => this.#parts.groups.pending(conversationId));
      // Offline: the next session begins here again.
      if (pending === undefined || this.#parts.host.greeting() === undefined) return;
      try {
        const { next, ...body } = pending;
        const { seq } = await this.#send({ conversationId, ...body });
        this.#refused.succeeded(conversationId);
        return await this.#fetch(conversationId, seq);
      } catch (error) {
        if (isPassing(error)) {
          const after = error instanceof SottoError ? error.retryAfterMs : undefined;
          await delay(clock, after ?? backoffMs(tries, random()), signal);
          continue;
        }
        this.#refused.failed(conversationId);
        // Refused for good: somebody else was faster, or the group changed in a way this commit does not fit.
        await turns.run(conversationId, async () => {
          if ((await this.#parts.groups.pending(conversationId))?.clientId !== pending.clientId) return;
          await write(this.#parts.groups.setPending(conversationId, undefined));
        });
        const code = error instanceof SottoError ? error.code : '';
        if (code === 'removal_required') this.#parts.directory.outdate();
        if (code !== 'stale_epoch' && code !== 'removal_required')
          throw new Error(`a commit was refused: ${code} ${reasonOf(error)}`, { cause: error });
        return;
      }
    }
  }

  async #send(body: Parameters<CodecHost['sendCommitOverHttp']>[1]): Promise<v.InferOutput<typeof commitSend.reply>> {
    try {
      return await this.#parts.host.request('commit.send', body);
    } catch (error) {
      if (!(error instanceof SottoError) || error.code !== 'too_large') throw error;
      return v.parse(commitSend.reply, await this.#parts.host.sendCommitOverHttp(body.conversationId, body));
    }
  }

  /** The reply took the place of the commit's event; the entry itself is read where everyone reads it. */
  async #fetch(conversationId: string, seq: number): Promise<void> {
    try {
      const { messages } = await this.#parts.host.request('message.history', {
        conversationId,
        after: seq - 1,
        limit: 1,
      });
      for (const entry of messages) if (entry.seq === seq) this.#parts.host.arrived(entry);
    } catch (error) {
      // The lane sees the gap with the next entry, and every session looks again.
      if (!isPassing(error)) throw error;
    }
  }
}
