import type { Reply } from '../../protocol/index.ts';
import { equalBytes, fromBase64url } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import type { KnownUser } from '../e2ee/group-checks.ts';
import { isVouched, judgeChain, vouchingKeys } from '../e2ee/identity.ts';
import type { Emitter } from '../emitter.ts';
import { SottoError } from '../errors.ts';
import { readOne } from '../records.ts';
import { Turns } from '../turns.ts';
import type { EncryptionEvents } from './events.ts';
import type { CodecHost } from './host.ts';
import { keys, put, type UserRecord, userRecord } from './records.ts';

/**
 * The key directory as this device believes it: what the server says, as far as it continues what it said before.
 * A user's keys are pinned on first use; nobody but the application replaces a pin that the old key does not vouch for.
 */
export class KeyDirectory {
  readonly #host: CodecHost;
  readonly #emitter: Emitter<EncryptionEvents>;
  readonly #users = new Map<string, UserRecord>();
  readonly #asking = new Map<string, Promise<UserRecord>>();
  /** What is known of a user changes in one place at a time: nobody accepts what another step is just replacing. */
  readonly #turns = new Turns();
  /** Whose entry was read in this session and not called outdated since. */
  readonly #fresh = new Set<string>();

  /** Rises with everything that may change who belongs into a group. */
  revision = 0;

  constructor(host: CodecHost, emitter: Emitter<EncryptionEvents>) {
    this.#host = host;
    this.#emitter = emitter;
  }

  /** Everything may have changed while this device was away. */
  outdate(userId?: string): void {
    this.revision += 1;
    if (userId === undefined) this.#fresh.clear();
    else this.#fresh.delete(userId);
  }

  async kept(userId: string): Promise<UserRecord | undefined> {
    const known = this.#users.get(userId) ?? (await readOne(this.#host.store, userRecord, keys.user(userId)));
    if (known !== undefined && !this.#users.has(userId)) this.#users.set(userId, known);
    return this.#users.get(userId);
  }

  /** The user as of now; asks the server unless that was done since the last word of a change. */
  async user(userId: string): Promise<UserRecord> {
    const known = await this.kept(userId);
    // While it is being asked for, what is known may be out of date.
    const isFresh = this.#fresh.has(userId) && !this.#asking.has(userId);
    return known !== undefined && isFresh ? known : this.refresh(userId);
  }

  /** For the checks of groups, and for the engine. */
  known = async (userId: string): Promise<KnownUser> => {
    const { chain, pin, devices } = await this.user(userId);
    return {
      accountKeys: pin === undefined ? [] : vouchingKeys(chain, pin),
      devices,
      revoked: devices.flatMap(({ deviceId, revoked, former }) => (revoked || former ? [deviceId] : [])),
    };
  };

  async refreshAll(userIds: readonly string[]): Promise<void> {
    await Promise.all(userIds.map((userId) => this.refresh(userId)));
  }

  refresh(userId: string): Promise<UserRecord> {
    const asked = this.#asking.get(userId);
    if (asked !== undefined) return asked;
    // Before asking: a change that is told meanwhile counts.
    this.#fresh.add(userId);
    const asking = this.#ask(userId)
      .catch((error: unknown) => {
        this.#fresh.delete(userId);
        throw error;
      })
      .finally(() => this.#asking.delete(userId));
    this.#asking.set(userId, asking);
    return asking;
  }

  /** The application accepts the identity that was offered after a reset, if it still is the one with this key. */
  async accept(userId: string, key: Uint8Array): Promise<void> {
    await this.user(userId);
    await this.#turns.run(userId, async () => {
      const known = await this.kept(userId);
      if (!isKey(known?.offered ?? known?.pin, key)) throw comparedAnother();
      if (known?.offered === undefined) return;
      const { offered, pin: before, ...rest } = known;
      const [old, now] = [before, offered].map((pin) => (pin === undefined ? [] : vouchingKeys(rest.chain, pin)));
      const devices: Listed[] = [];
      for (const { offeredSig, former, ...device } of rest.devices) {
        const next = { ...device, crossSig: offeredSig ?? device.crossSig };
        const left =
          !(await isVouched(now ?? [], userId, next)) && (former || (await isVouched(old ?? [], userId, device)));
        devices.push(left ? { ...next, former: true } : next);
      }
      await this.#keep({ ...rest, devices, pin: offered });
    });
  }

  /** What was believed on first use does not hold: as if nothing had been heard. */
  async forget(userId: string): Promise<void> {
    await this.#host.write([{ key: keys.user(userId) }]);
    this.#users.delete(userId);
    this.outdate(userId);
  }

  /** Somebody compared this key of the user; without one the comparison is withdrawn. */
  async verify(userId: string, key: Uint8Array | undefined): Promise<void> {
    await this.user(userId);
    await this.#turns.run(userId, async () => {
      const known = await this.kept(userId);
      if (known?.pin === undefined) throw new E2eeError('refused', 'That user has no identity yet.');
      if (key !== undefined && known.offered !== undefined)
        throw new SottoError('conflict', 'That person has a new identity, which has to be accepted first.');
      if (key !== undefined && !isKey(known.pin, key)) throw comparedAnother();
      await this.#keep({ ...known, pin: { ...known.pin, verified: key !== undefined } });
    });
  }

  /** True if `head` is a place in the user's key chain; false shows that the server tells people different chains. */
  async hasHead(userId: string, head: Uint8Array): Promise<boolean> {
    const holds = ({ chain }: UserRecord) => chain.some(({ hash }) => equalBytes(hash, head));
    return holds(await this.user(userId)) || holds(await this.refresh(userId));
  }

  async #ask(userId: string): Promise<UserRecord> {
    const told = await this.#host.request('keys.devices', { userId });
    return this.#turns.run(userId, async () => {
      const before = await this.kept(userId);
      const after = await this.#judge(userId, told, before);
      await this.#keep(after);
      this.#tell(userId, before, after);
      return after;
    });
  }

  async #judge(userId: string, told: Reply<'keys.devices'>, before: UserRecord | undefined): Promise<UserRecord> {
    const none: UserRecord = { userId, version: 0, chain: [], devices: [], rewritten: false };
    if (told.accountKeys.length === 0) return before?.pin === undefined ? none : { ...before, rewritten: true };
    const chain = told.accountKeys.map(({ version, key, signature, hash }) => ({
      version,
      key: fromBase64url(key),
      hash: fromBase64url(hash),
      ...(signature === undefined ? {} : { signature: fromBase64url(signature) }),
    }));
    const judged = await judgeChain(userId, chain, before?.pin).catch((error: unknown) => {
      if (error instanceof E2eeError) return { kind: 'rewritten' } as const;
      throw error;
    });
    if (judged.kind === 'rewritten') return { ...(before ?? none), rewritten: true };
    const pin = judged.kind === 'reset' ? before?.pin : judged.pin;
    const accepted = pin === undefined ? [] : vouchingKeys(chain, pin);
    const listed = await Promise.all(
      told.devices.map(({ deviceId, key, crossSig, revokedAt }) => {
        const old = before?.devices.find((each) => each.deviceId === deviceId);
        const device = { deviceId, key: fromBase64url(key), crossSig: fromBase64url(crossSig) };
        // A revocation is for good, whatever is said later.
        const revoked = revokedAt !== undefined || old?.revoked === true;
        return this.#withWord(userId, accepted, { ...device, revoked }, old);
      }),
    );
    const gone = (before?.devices ?? [])
      .filter((old) => !listed.some(({ deviceId }) => deviceId === old.deviceId))
      .map((old) => ({ ...old, revoked: true }));
    const next: UserRecord = {
      userId,
      version: told.version,
      chain,
      devices: [...listed, ...gone],
      rewritten: false,
    };
    if (judged.kind !== 'reset') return { ...next, pin: clone(judged.pin) };
    return { ...next, ...(before?.pin === undefined ? {} : { pin: before.pin }), offered: clone(judged.pin) };
  }

  /**
   * A device with the word of the identity that is accepted. A new identity vouches for its devices anew, which counts
   * once it is accepted: until then what they commit and write is theirs by the word of before.
   */
  async #withWord(userId: string, accepted: readonly Uint8Array[], device: Listed, old?: Listed): Promise<Listed> {
    if (old === undefined || !equalBytes(old.key, device.key) || (await isVouched(accepted, userId, device)))
      return device;
    if (await isVouched(accepted, userId, old))
      return { ...device, crossSig: old.crossSig, offeredSig: device.crossSig };
    return old.former ? { ...device, former: true } : device;
  }

  #tell(userId: string, before: UserRecord | undefined, after: UserRecord): void {
    const verified = before?.pin?.verified === true;
    if (after.rewritten && !before?.rewritten) this.#emitter.emit('identity', { userId, is: 'rewritten', verified });
    else if (after.offered !== undefined && !same(after.offered, before?.offered))
      this.#emitter.emit('identity', { userId, is: 'reset', verified });
    else if (before?.pin !== undefined && !same(after.pin, before.pin))
      this.#emitter.emit('identity', { userId, is: 'rotated', verified });
    if (before === undefined) return;
    for (const { deviceId, revoked } of after.devices) {
      const old = before.devices.find((device) => device.deviceId === deviceId);
      if (old === undefined && !revoked) this.#emitter.emit('device', { userId, deviceId, is: 'added' });
      if (old?.revoked === false && revoked) this.#emitter.emit('device', { userId, deviceId, is: 'removed' });
    }
  }

  async #keep(record: UserRecord): Promise<void> {
    await this.#host.write([put(keys.user(record.userId), record)]);
    this.#users.set(record.userId, record);
    this.revision += 1;
  }
}

const same = (a: UserRecord['pin'], b: UserRecord['pin']): boolean =>
  a !== undefined && b !== undefined && equalBytes(a.hash, b.hash);

const isKey = (pin: UserRecord['pin'], key: Uint8Array): boolean => pin !== undefined && equalBytes(pin.key, key);

/** For whoever compared or was shown another key than the present one. */
export const comparedAnother = (): SottoError =>
  new SottoError('conflict', 'That is not the present safety number of this person: compare it again.');

type Listed = UserRecord['devices'][number];
type Pin = NonNullable<UserRecord['pin']>;
const clone = (pin: { [Key in keyof Pin]: Pin[Key] extends Uint8Array ? Uint8Array : Pin[Key] }): Pin => ({
  ...pin,
  key: new Uint8Array(pin.key),
  hash: new Uint8Array(pin.hash),
});
