import { MAX_RECOVERY_FRAME_BYTES } from '../../protocol/recovery.ts';
import { delay } from '../clock.ts';
import { type Bytes, equalBytes, fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import { crossSign, signRecovery, verifyRecovery } from '../e2ee/identity.ts';
import { maxRecoveryKeys, openRecovery, type Recovery, recoveryDigest, sealRecovery } from '../e2ee/recovery.ts';
import { generateRecoveryKey, parseRecoveryKey, recoveryKeyText } from '../e2ee/recovery-key.ts';
import type { Emitter } from '../emitter.ts';
import { SottoError } from '../errors.ts';
import { readOne } from '../records.ts';
import type { OwnDevice } from './device.ts';
import type { KeyDirectory } from './directory.ts';
import type { EncryptionEvents } from './events.ts';
import type { CodecHost } from './host.ts';
import { isPassing } from './problem.ts';
import { keys, put, type RecoveryRecord, recoveryRecord } from './records.ts';
import type { OwnKeys } from './rings.ts';

/** After a change the blob follows this soon, and then not more often than the second. */
const SOON_MS = 1_000;
const EVERY_MS = 60_000;
const MAX_TRIES = 4;

interface Stored {
  readonly version: number;
  readonly blob: Bytes;
  readonly signature: Bytes;
}

/** What came back with a recovery key, and what did not. */
export interface Recovered {
  /** False: the account has begun a new identity since; only the keys of the past came back. */
  readonly account: boolean;
  /** A device that had the account key was revoked: the account has another one now, which contacts have to accept. */
  readonly newIdentity: boolean;
  /** What was sent later than this may need keys that are gone. */
  readonly sealedAt: Date;
  /** Conversations whose earlier messages can be read again, as far as their members let messages be kept. */
  readonly conversations: readonly string[];
  /** Conversations for which no key came: what was written there before now is gone for this device. */
  readonly gone: readonly string[];
  /** The account's other devices: revoke those that were lost. */
  readonly others: readonly string[];
}

/**
 * The recovery blob: the account key and the keys of the past under a key that the person wrote down, kept at the server.
 * A device that has the account key keeps it up to date: it is out of date while its digest is another than what would be
 * sealed now, which also the next run of the program sees.
 */
export class RecoveryKeeper {
  readonly #host: CodecHost;
  readonly #directory: KeyDirectory;
  readonly #device: OwnDevice;
  readonly #ownKeys: OwnKeys;
  readonly #emitter: Emitter<EncryptionEvents>;
  #work: Promise<unknown> = Promise.resolve();
  /** The server was asked in this run whether it still has what it was given. */
  #compared = false;
  #waiting = false;
  #nextAt = 0;

  constructor(parts: {
    host: CodecHost;
    directory: KeyDirectory;
    device: OwnDevice;
    ownKeys: OwnKeys;
    emitter: Emitter<EncryptionEvents>;
  }) {
    this.#host = parts.host;
    this.#directory = parts.directory;
    this.#device = parts.device;
    this.#ownKeys = parts.ownKeys;
    this.#emitter = parts.emitter;
  }

  /** What the blob holds may have changed. */
  readonly touch = (): void => {
    if (this.#waiting || this.#host.signal.aborted) return;
    this.#waiting = true;
    this.#device.quietly(this.#later());
  };

  async #later(): Promise<void> {
    const { clock, signal } = this.#host;
    await delay(clock, Math.min(EVERY_MS, Math.max(SOON_MS, this.#nextAt - clock.now())), signal);
    this.#waiting = false;
    // Offline: the next session looks again.
    if (signal.aborted || this.#host.greeting() === undefined || !this.#device.isPrimary) return;
    try {
      const isNew = await this.#next(async () => {
        const record = await this.#record();
        if (record === undefined) return false;
        const { key, signature } = await this.#refresh(record);
        return record.signature === undefined ? signature !== undefined : !equalBytes(key, record.key);
      });
      // Nobody waits for it who would show it.
      if (isNew) this.#emitter.emit('recovery', { is: 'replaced' });
    } catch (error) {
      this.#nextAt = clock.now() + EVERY_MS;
      if (isPassing(error)) this.touch();
      else throw error;
    }
  }

  /** The key to be written down; the first call makes it. Resolves when the server has what it opens. */
  key(): Promise<string> {
    return this.#next(async () => {
      const account = this.#device.account();
      const record = await this.#record();
      // Whoever writes it down should write down what is of use.
      this.#compared = false;
      if (record !== undefined) return recoveryKeyText((await this.#refresh(record)).key);
      const stored = await this.#stored();
      if (stored !== undefined && (await this.#isOurs(stored)))
        throw new E2eeError('refused', 'There is a recovery key already, made on another device.');
      const fresh = {
        key: generateRecoveryKey(),
        version: stored?.version ?? 0,
        account: account.publicKey,
        digest: '',
      };
      return recoveryKeyText((await this.#refresh(fresh)).key);
    });
  }

  /** Another key; the one before opens nothing any more. */
  newKey(): Promise<string> {
    return this.#next(async () => {
      const account = this.#device.account();
      const version = (await this.#stored())?.version ?? 0;
      const fresh = { key: generateRecoveryKey(), version, account: account.publicKey, digest: '' };
      return recoveryKeyText((await this.#refresh(fresh, true)).key);
    });
  }

  /** Takes account and keys from the blob at the server. This device then has the account key. */
  restore(typed: string): Promise<Recovered> {
    return this.#next(async () => {
      const key = parseRecoveryKey(typed);
      if (key === undefined) throw new E2eeError('malformed', 'The recovery key contains a typing mistake.');
      const stored = await this.#stored();
      if (stored === undefined) throw new E2eeError('refused', 'Nothing was kept at the server to be recovered.');
      const { userId, deviceId } = this.#host.me();
      const opened = await openRecovery(key, userId, stored.blob);
      if (opened.version !== stored.version)
        throw new E2eeError('refused', 'The server gives out an old recovery blob as the newest.');
      const { account } = opened;
      await this.#ownKeys.adoptConversationKeys(opened.keys);
      await this.#device.settled;
      const own = await this.#directory.refresh(userId);
      const head = own.chain.at(-1);
      const isAccount = head !== undefined && equalBytes(head.key, account.publicKey);
      const lost = own.devices.find((each) => each.revoked && opened.holders.includes(each.deviceId));
      if (isAccount) {
        const crossSig = await crossSign(account, userId, deviceId, this.#device.deviceKey());
        const holders = [...new Set([...opened.holders, deviceId])];
        await this.#device.adopt({ account, accountKey: account.publicKey, crossSig, holders });
        // The digest is another one, since there is one more holder: the blob is put anew.
        const { version, signature } = stored;
        await this.#keep({ key, version, signature, account: account.publicKey, digest: '' });
        if (lost !== undefined) await this.#device.replaceAccount(lost.deviceId);
        this.touch();
      }
      const found = new Set(opened.keys.map(({ conversationId }) => conversationId));
      return {
        account: isAccount,
        newIdentity: isAccount && lost !== undefined,
        sealedAt: new Date(opened.sealedAt),
        conversations: [...found],
        gone: this.#host.conversations().flatMap(({ id }) => (found.has(id) ? [] : [id])),
        others: own.devices.flatMap((each) => (each.revoked || each.deviceId === deviceId ? [] : [each.deviceId])),
      };
    });
  }

  /** Puts what should be there, unless it is. `overwrite`: also over what another device put under another key. */
  async #refresh(kept: RecoveryRecord, overwrite = false): Promise<RecoveryRecord> {
    const account = this.#device.account();
    let record = kept;
    const isOther = !equalBytes(record.account, account.publicKey);
    // Whoever had the account key before may have this key too.
    if (isOther) {
      const { version } = record;
      record = { key: generateRecoveryKey(), account: account.publicKey, version, digest: '' };
    }
    if (!this.#compared && record.signature !== undefined) {
      const stored = await this.#stored();
      if (stored === undefined || !equalBytes(stored.signature, record.signature))
        record = await this.#meet(record, stored, overwrite);
    }
    this.#compared = true;
    // Before anything is put: a key that is lost on the way here would open what nobody has.
    if (record.signature === undefined) await this.#keep(record);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const found = (await this.#ownKeys.allConversationKeys()).slice(0, maxRecoveryKeys);
      const holders = this.#device.holders;
      const digest = recoveryDigest(record.key, { account, keys: found, holders });
      if (digest === record.digest) return record;
      const version = record.version + 1;
      const content = { account, keys: found, version, sealedAt: this.#host.clock.now(), holders };
      const put = await this.#put(record.key, content);
      this.#nextAt = this.#host.clock.now() + EVERY_MS;
      if (put !== undefined) {
        record = { ...record, version, signature: put, digest };
        await this.#keep(record);
        return record;
      }
      record = await this.#meet(record, await this.#stored(), overwrite || isOther);
    }
    throw new SottoError('unavailable', 'the recovery blob changes all the time', { retryAfterMs: EVERY_MS });
  }

  /** The signature of what was put; undefined if another version is there. */
  async #put(key: Bytes, content: Recovery): Promise<Bytes | undefined> {
    const { userId } = this.#host.me();
    const blob = await sealRecovery(key, userId, content);
    const signature = await signRecovery(content.account, userId, content.version, blob);
    const body = { version: content.version, blob: toBase64url(blob), signature: toBase64url(signature) };
    try {
      if (blob.length <= MAX_RECOVERY_FRAME_BYTES) await this.#host.request('recovery.put', body);
      else await this.#host.putRecoveryOverHttp(body);
      return signature;
    } catch (error) {
      if (error instanceof SottoError && error.code === 'conflict') return undefined;
      throw error;
    }
  }

  /** What to go on from when the server has something else than this device thought. */
  async #meet(record: RecoveryRecord, stored: Stored | undefined, overwrite: boolean): Promise<RecoveryRecord> {
    const next = { ...record, version: stored?.version ?? 0, digest: '' };
    if (stored === undefined || stored.version < record.version) {
      this.#emitter.emit('recovery', { is: 'rolled_back' });
      return next;
    }
    // Put before the account had its present key.
    if (!(await this.#isOurs(stored))) return next;
    try {
      const opened = await openRecovery(record.key, this.#host.me().userId, stored.blob);
      if (opened.version === stored.version) await this.#ownKeys.adoptConversationKeys(opened.keys);
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      if (!overwrite) {
        await this.#host.write([{ key: keys.recovery }]);
        this.#emitter.emit('recovery', { is: 'elsewhere' });
        throw new E2eeError('refused', 'Another device has made another recovery key.', { cause: error });
      }
    }
    return next;
  }

  async #stored(): Promise<Stored | undefined> {
    const { version, blob, signature } = await this.#host.request('recovery.get', {}).catch((error: unknown) => {
      if (!(error instanceof SottoError) || error.code !== 'too_large') throw error;
      return this.#host.getRecoveryOverHttp();
    });
    if (version === undefined || blob === undefined || signature === undefined) return undefined;
    return { version, blob: fromBase64url(blob), signature: fromBase64url(signature) };
  }

  #isOurs({ version, blob, signature }: Stored): Promise<boolean> {
    return verifyRecovery(this.#device.account().publicKey, this.#host.me().userId, version, blob, signature);
  }

  #record(): Promise<RecoveryRecord | undefined> {
    return readOne(this.#host.store, recoveryRecord, keys.recovery);
  }

  async #keep(record: RecoveryRecord): Promise<void> {
    await this.#host.write([put(keys.recovery, record)]);
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.then(work, work);
    this.#work = mine.catch(() => undefined);
    return mine;
  }
}
