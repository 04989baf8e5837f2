import { setImmediate as turn } from 'node:timers/promises';
import type { Reply, RequestBody } from '../../protocol/index.ts';
import { checked } from '../delivery/checked.ts';
import { eventFrame } from '../delivery/frames.ts';
import type { Hub } from '../delivery/hub.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import { checkKeyPackage, type KeyPackageOwner } from '../mls/key-package.ts';
import { suite } from '../mls/leaf-node.ts';
import type { ClaimTarget, KeyStore, NewPackage } from '../store/keys.ts';
import { FEW_PACKAGES } from '../store/mailbox.ts';
import type { Identity } from '../store/store.ts';
import { judgeRegistration } from './registration.ts';

/** One-time packages of one device. */
export const MAX_PACKAGES = 200;
/** Packages in one answer; whoever needs more claims again. */
const MAX_CLAIM = 100;

export type Directory = ReturnType<typeof createDirectory>;

/** The public keys of accounts and devices, and their key packages. */
export function createDirectory(deps: { store: KeyStore; hub: Hub; limits: Limits; now: () => number }) {
  const { store, hub, limits, now } = deps;

  /** Tells everybody who shares a conversation with a person, and that person, of another set of devices or keys. */
  async function changed(userId: string, version?: number): Promise<void> {
    const current = version ?? (await store.keysVersion(userId));
    if (current === undefined) return;
    const told = await store.contacts(userId);
    hub.state(told, `devices:${userId}`, eventFrame('device.changed', { userId, version: current }));
  }

  async function register(identity: Identity, body: RequestBody<'keys.register'>): Promise<void> {
    await limits.take('key_register', identity.userId);
    const owner = ownerOf(identity, Buffer.from(body.deviceKey, 'base64url'));
    const given = await readPackages(body.packages ?? [], body.lastResort, owner);
    const answer = await store.register(
      identity,
      (present) => judgeRegistration(identity, body, present),
      given.packages.length === 0 && given.lastResort === undefined ? undefined : { ...given, most: MAX_PACKAGES },
    );
    switch (answer.state) {
      case 'full':
        throw full(answer.oneTime);
      case 'unauthenticated':
        throw new RequestError('unauthenticated');
      case 'key_taken':
        throw new RequestError('conflict', {
          message: 'Another device has that key.',
          details: { field: 'deviceKey' },
        });
      case 'registered':
        await changed(identity.userId, answer.version);
    }
  }

  async function publish(identity: Identity, body: RequestBody<'keys.publish'>): Promise<Reply<'keys.publish'>> {
    await limits.take('key_publish', identity.deviceId);
    const deviceKey = await store.publisher(identity);
    if (deviceKey === 'unauthenticated') throw new RequestError(deviceKey);
    if (deviceKey === 'unregistered')
      throw new RequestError('conflict', { message: 'Register the keys of this device first.' });
    const { packages, lastResort } = await readPackages(body.packages, body.lastResort, ownerOf(identity, deviceKey));
    const published = await store.publish(identity, packages, lastResort, MAX_PACKAGES);
    if (published === 'unauthenticated') throw new RequestError(published);
    const { full: isFull, ...counts } = published;
    if (isFull) throw full(counts.oneTime);
    return counts;
  }

  const ownerOf = ({ userId, deviceId }: Identity, deviceKey: Uint8Array): KeyPackageOwner => ({
    userId,
    deviceId,
    deviceKey,
    now: now(),
  });

  async function devices({ userId }: RequestBody<'keys.devices'>): Promise<Reply<'keys.devices'>> {
    const found = await store.directory(userId);
    if (found === undefined) throw new RequestError('not_found');
    return {
      version: found.version,
      accountKeys: found.chain.map(({ version, key, signature, hash, createdAt }) => ({
        version,
        key: encode(key),
        ...(signature !== null && { signature: encode(signature) }),
        hash: encode(hash),
        createdAt: createdAt.toISOString(),
      })),
      devices: found.devices.map(({ deviceId, key, crossSignature, accountKeyVersion, createdAt, revokedAt }) => ({
        deviceId,
        key: encode(key),
        crossSig: encode(crossSignature),
        accountKeyVersion,
        createdAt: createdAt.toISOString(),
        ...(revokedAt !== null && { revokedAt: revokedAt.toISOString() }),
      })),
    };
  }

  async function claim(identity: Identity, body: RequestBody<'keys.claim'>): Promise<Reply<'keys.claim'>> {
    const { conversationId, deviceIds, reset = false } = body;
    const standing = await store.standing(identity, conversationId);
    if (standing !== 'ok') throw new RequestError(standing);
    const targets = await store.claimable(identity, conversationId);
    const wanted = (
      deviceIds === undefined ? targets.filter((each) => reset || !each.inGroup) : named(targets, deviceIds, reset)
    ).slice(0, MAX_CLAIM);
    if (wanted.length === 0) return { packages: [] };
    // Otherwise anybody could use up all packages of somebody else's device.
    await Promise.all(wanted.map(({ deviceId }) => limits.take('key_claim', `${identity.userId}:${deviceId}`)));
    const claimed = await store.claim(
      identity,
      conversationId,
      wanted.map(({ deviceId }) => deviceId),
      suite,
    );
    const short = claimed.filter(({ left }) => left < FEW_PACKAGES);
    if (short.length > 0)
      hub.wake(
        [...new Set(short.map(({ userId }) => userId))],
        short.map(({ deviceId }) => deviceId),
      );
    return {
      packages: claimed.map(({ userId, deviceId, ref, package: bytes, lastResort }) => ({
        userId,
        deviceId,
        ref: encode(ref),
        package: encode(bytes),
        lastResort,
      })),
    };
  }

  return { register, publish, devices, claim, changed, head: (userId: string) => store.head(userId) };
}

/** Refuses all of them for the first that is wrong. */
async function readPackages(texts: readonly string[], last: string | undefined, owner: KeyPackageOwner) {
  const packages: NewPackage[] = [];
  const refs = new Set<string>();
  for (const [i, text] of texts.entries()) {
    const field = `packages.${i}`;
    const fresh = readPackage(text, owner, field, false);
    if (refs.size === refs.add(fresh.ref.toString('hex')).size)
      throw refused(field, 'The package occurs twice.', 'duplicate_package');
    packages.push(fresh);
    // Two signatures each: others get their turn in between.
    await turn();
  }
  return { packages, lastResort: last === undefined ? undefined : readPackage(last, owner, 'lastResort', true) };
}

function readPackage(
  text: string,
  owner: KeyPackageOwner,
  field: string,
  lastResort: boolean,
): NewPackage & { readonly ref: Buffer } {
  const bytes = Buffer.from(text, 'base64url');
  const { ref, suite, notAfter, lastResort: isLastResort } = checked(field, () => checkKeyPackage(bytes, owner));
  if (isLastResort !== lastResort) {
    throw refused(
      field,
      `This is ${lastResort ? 'no' : 'a'} package of last resort.`,
      lastResort ? 'not_last_resort' : 'last_resort',
    );
  }
  return { ref, suite, notAfter, package: bytes };
}

/** The devices that were asked for; all of them must be of the conversation, and not in its group yet. */
function named(targets: readonly ClaimTarget[], deviceIds: readonly string[], reset: boolean): ClaimTarget[] {
  return [...new Set(deviceIds)].map((deviceId) => {
    const target = targets.find((each) => each.deviceId === deviceId);
    if (target === undefined) throw new RequestError('not_found', { details: { deviceId } });
    if (target.inGroup && !reset)
      throw new RequestError('conflict', { message: 'The device is in the group already.', details: { deviceId } });
    return target;
  });
}

const full = (oneTime: number): RequestError =>
  new RequestError('conflict', {
    message: `A device stores at most ${MAX_PACKAGES} one-time packages.`,
    details: { limit: MAX_PACKAGES, oneTime },
  });

const encode = (bytes: Buffer): string => bytes.toString('base64url');

const refused = (field: string, message: string, reason: string): RequestError =>
  new RequestError('bad_request', { message, details: { field, reason } });
