import { equalBytes, toBase64url } from '../e2ee/bytes.ts';
import type { DeviceSigner, E2eeEngine, KeyPackageBundle } from '../e2ee/engine.ts';
import { E2eeError } from '../e2ee/error.ts';
import {
  crossSign,
  generateAccountKey,
  generateDeviceKey,
  type SigningKey,
  signRevocation,
  vouchingKeys,
} from '../e2ee/identity.ts';
import { reasonOf, SottoError } from '../errors.ts';
import { readAll, readOne } from '../records.ts';
import type { EncryptionStatus } from './events.ts';
import type { Parts } from './parts.ts';
import { isPassing, notYet } from './problem.ts';
import {
  type IdentityRecord,
  identityRecord,
  keys,
  packageRecord,
  put,
  putPackage,
  type UserRecord,
} from './records.ts';

/** One-time packages that lie at the server after publishing; it says when they become few. */
const PACKAGES = 50;
const LAST_RESORT_MS = 7 * 86_400_000;

/** What makes a device one of the account's. */
type Adopted = Pick<IdentityRecord, 'account' | 'chainHead' | 'holders'> &
  Required<Pick<IdentityRecord, 'accountKey' | 'crossSig'>>;

type Needs = Pick<Parts, 'host' | 'directory' | 'emitter'> & { readonly engine: Promise<E2eeEngine> };

/** This device's own keys: made or taken over, registered, and its key packages kept in stock. */
export class OwnDevice {
  readonly #parts: Needs;
  #identity: IdentityRecord | undefined;
  #status: EncryptionStatus = 'starting';
  #work: Promise<void> = Promise.resolve();
  #settle: () => void = () => undefined;
  /** Resolves when it is known for the first time whether this device has keys of its own. */
  readonly settled = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  get status(): EncryptionStatus {
    return this.#status;
  }

  /** Throws `unavailable` until this device's keys are registered. */
  signer(): DeviceSigner {
    const identity = this.#identity;
    if (this.#status !== 'ready' || identity === undefined)
      throw notYet(this.#status === 'unlinked' ? 'this device is not linked yet' : 'keys are being set up');
    return { userId: identity.userId, deviceId: identity.deviceId, ...identity.device };
  }

  /** The account key's private half, which the primary device has. */
  account(): SigningKey {
    const account = this.#identity?.account;
    if (account === undefined) throw new E2eeError('refused', 'Only the primary device has the account key.');
    if (this.#status === 'starting') throw notYet('keys are being set up');
    if (this.#status === 'unlinked') throw new E2eeError('refused', 'The account has another key than this device.');
    return account;
  }

  /** True on a device that has the account key, unless the account has another one by now. */
  get isPrimary(): boolean {
    return this.#status === 'ready' && this.#identity?.account !== undefined;
  }

  /** The devices that have the account key, as far as this one knows. */
  get holders(): readonly string[] {
    const { deviceId } = this.#parts.host.me();
    return [...new Set([...(this.#identity?.holders ?? []), deviceId])];
  }

  get accountKey(): Uint8Array | undefined {
    return this.#identity?.accountKey;
  }

  deviceKey(): Uint8Array {
    if (this.#identity === undefined) throw notYet('keys are being set up');
    return this.#identity.device.publicKey;
  }

  /** Brings this device's keys and packages to where they should be; called with every session. */
  setUp(): Promise<void> {
    return this.#next(() => this.#setUp());
  }

  /** The account's keys may have changed: a device that the account does not vouch for any more says so at once. */
  review(): Promise<void> {
    return this.#next(async () => {
      if (this.#status === 'ready' && !(await this.#isOwnChain())) this.#become('unlinked');
    });
  }

  /** Few packages are left. */
  restock(oneTime: number): Promise<void> {
    return this.#next(async () => {
      if (this.#status === 'ready') await this.#publish(Math.max(0, PACKAGES - oneTime));
    });
  }

  /**
   * Takes over what the primary device or a recovery gave, or a new identity that nobody vouches for. What this device had
   * of another identity is gone then.
   */
  adopt(given: Adopted): Promise<void> {
    return this.#next(async () => {
      const { userId, deviceId, device, published, lastResortAt } = await this.#load();
      await this.#keep({ userId, deviceId, device, published, lastResortAt, ...given, registered: false });
      await this.#setUp();
      if (this.#status !== 'ready') throw new E2eeError('refused', 'The account has another key.');
    });
  }

  /**
   * Revokes a device that has the account key, and gives the account another one. Nobody vouches for that: whoever has the
   * device could do so as well. What was begun is done at the next start.
   */
  replaceAccount(revoke: string): Promise<void> {
    return this.#next(async () => {
      this.account();
      const identity = await this.#load();
      await this.#keep({ ...identity, next: { account: await generateAccountKey(), revoke } });
      await this.#setUp();
      if (this.#status !== 'ready') throw new E2eeError('refused', 'The account has another key.');
    });
  }

  async #finishReplacing({ next, ...identity }: IdentityRecord): Promise<IdentityRecord> {
    const { userId, deviceId, device, account, published, lastResortAt } = identity;
    if (next === undefined || account === undefined) return identity;
    const signature = toBase64url(await signRevocation(account, userId, next.revoke));
    const code = await this.#parts.host.request('device.revoke', { deviceId: next.revoke, signature }).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof SottoError && error.retry === 'never') return error.code;
        throw error;
      },
    );
    // It was revoked before. Anything else: the account has another key by now, and this device no say.
    if (code !== undefined && code !== 'not_found') {
      await this.#keep(identity);
      throw new E2eeError('refused', 'The device could not be revoked: the account has another key.');
    }
    const crossSig = await crossSign(next.account, userId, deviceId, device.publicKey);
    const accountKey = next.account.publicKey;
    const kept = { userId, deviceId, device, published, lastResortAt };
    const replaced: IdentityRecord = { ...kept, account: next.account, accountKey, crossSig, registered: false };
    await this.#keep(replaced);
    return replaced;
  }

  /** A package of last resort was used: another one takes its place. */
  async renewLastResort(): Promise<void> {
    await this.#next(async () => {
      const identity = await this.#load();
      await this.#keep({ ...identity, lastResortAt: 0 });
      await this.#publish(0);
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    const mine = this.#work.then(work, work);
    this.#work = mine.catch(() => undefined);
    return mine;
  }

  async #setUp(): Promise<void> {
    const host = this.#parts.host;
    let identity = await this.#load();
    const { userId, deviceId } = identity;
    if (identity.next !== undefined) identity = await this.#finishReplacing(identity);
    if (identity.registered && identity.published && isOwn(identity, await this.#parts.directory.kept(userId)))
      this.#become('ready');
    if (identity.accountKey === undefined) {
      const { accountKeys } = await host.request('keys.devices', { userId });
      // Until it is known which key is the account's, nothing that the server tells of it is pinned for good.
      await this.#parts.directory.forget(userId);
      if (accountKeys.length > 0) return this.#become('unlinked');
      const account = await generateAccountKey();
      const crossSig = await crossSign(account, userId, deviceId, identity.device.publicKey);
      identity = { ...identity, account, accountKey: account.publicKey, crossSig };
      await this.#keep(identity);
    }
    if (!identity.registered) {
      const { accountKey, crossSig } = identity;
      if (accountKey === undefined || crossSig === undefined) return this.#become('unlinked');
      // With its packages, so that nobody sees this device without any.
      const packed = await this.#pack(identity.published ? 0 : PACKAGES);
      const body = {
        accountKey: toBase64url(accountKey),
        deviceKey: toBase64url(identity.device.publicKey),
        crossSig: toBase64url(crossSig),
      };
      await host.request('keys.register', { ...body, ...packed?.body }).catch((error: unknown) => {
        // Earlier tries whose replies were lost have left enough.
        if (!(error instanceof SottoError) || error.details?.oneTime === undefined) throw error;
        return host.request('keys.register', body);
      });
      await this.#keep({ ...identity, registered: true, ...packed?.done });
    }
    if (!(await this.#isOwnChain())) return this.#become('unlinked');
    await this.#publish(this.#identity?.published ? 0 : PACKAGES);
    this.#become('ready');
  }

  /** The server's chain for this account must be that of the key this device believes in; only then is it pinned. */
  async #isOwnChain(): Promise<boolean> {
    const identity = await this.#load();
    const { userId, accountKey } = identity;
    const isFirst = (await this.#parts.directory.kept(userId))?.pin === undefined;
    let own = await this.#parts.directory.refresh(userId);
    if (own.offered !== undefined && accountKey !== undefined && equalBytes(own.offered.key, accountKey)) {
      // Made anew by this very device.
      await this.#parts.directory.accept(userId, accountKey);
      own = await this.#parts.directory.user(userId);
    }
    if (isOwn(identity, own)) return true;
    if (isFirst) await this.#parts.directory.forget(userId);
    return false;
  }

  async #publish(oneTime: number): Promise<void> {
    const packed = await this.#pack(oneTime);
    if (packed === undefined) return;
    await this.#parts.host.request('keys.publish', packed.body);
    await this.#keep({ ...(await this.#load()), ...packed.done });
  }

  /** Makes packages and keeps their private halves: what the server gets must open here. */
  async #pack(oneTime: number) {
    const identity = await this.#load();
    const { clock, write, store } = this.#parts.host;
    const engine = await this.#parts.engine;
    const signer = { userId: identity.userId, deviceId: identity.deviceId, ...identity.device };
    const isDue = clock.now() - identity.lastResortAt > LAST_RESORT_MS;
    const lastResort = isDue ? await engine.createKeyPackage(signer, { lastResort: true }) : undefined;
    if (oneTime === 0 && lastResort === undefined) return undefined;
    const packages: KeyPackageBundle[] = [];
    for (let n = 0; n < oneTime; n += 1) packages.push(await engine.createKeyPackage(signer));
    const now = clock.now() / 1000;
    const dead = (await readAll(store, packageRecord, { prefix: keys.packages })).filter(
      ({ notAfter }) => notAfter < now,
    );
    await write([
      ...[...packages, ...(lastResort ? [lastResort] : [])].map(putPackage),
      ...dead.map(({ ref }) => ({ key: keys.package(ref) })),
    ]);
    return {
      body: {
        packages: packages.map(({ message }) => toBase64url(message)),
        ...(lastResort ? { lastResort: toBase64url(lastResort.message) } : {}),
      },
      done: { published: true, ...(lastResort ? { lastResortAt: clock.now() } : {}) },
    };
  }

  /** Its private packages, those that a welcome names. */
  async packagesFor(refs: readonly Uint8Array[]): Promise<KeyPackageBundle[]> {
    const found = await Promise.all(
      refs.map((ref) => readOne(this.#parts.host.store, packageRecord, keys.package(ref))),
    );
    return found.filter((bundle) => bundle !== undefined);
  }

  async #load(): Promise<IdentityRecord> {
    const { userId, deviceId } = this.#parts.host.me();
    if (this.#identity?.deviceId === deviceId) return this.#identity;
    const kept = await readOne(this.#parts.host.store, identityRecord, keys.identity);
    if (kept?.userId === userId && kept.deviceId === deviceId) {
      this.#identity = kept;
      return kept;
    }
    const fresh: IdentityRecord = {
      userId,
      deviceId,
      device: await generateDeviceKey(),
      registered: false,
      published: false,
      lastResortAt: 0,
    };
    await this.#keep(fresh);
    return fresh;
  }

  async #keep(identity: IdentityRecord): Promise<void> {
    await this.#parts.host.write([put(keys.identity, identity)]);
    this.#identity = identity;
  }

  #become(status: EncryptionStatus): void {
    this.#settle();
    if (this.#status === status) return;
    this.#status = status;
    this.#parts.emitter.emit('status', status);
  }

  /** For work nobody waits for: what the next session repeats is not worth a word. */
  readonly quietly = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => {
      if (!isPassing(error)) this.#parts.host.onProblem(error instanceof Error ? error : new Error(reasonOf(error)));
    });
  };
}

/**
 * Whether what is believed of the account is what this device knows of it: its key is among those that may vouch, so no
 * key follows it that the one before did not sign. The server could append such a one, and devices of its own under it.
 */
function isOwn({ accountKey, chainHead }: IdentityRecord, own: UserRecord | undefined): boolean {
  if (own?.pin === undefined || own.offered !== undefined || own.rewritten || accountKey === undefined) return false;
  if (chainHead !== undefined && !own.chain.some(({ hash }) => equalBytes(hash, chainHead))) return false;
  return vouchingKeys(own.chain, own.pin).some((key) => equalBytes(key, accountKey));
}
