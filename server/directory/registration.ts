import { chainStart } from '../../protocol/identity.ts';
import type { RequestBody } from '../../protocol/index.ts';
import { RequestError } from '../errors.ts';
import { chainHash, isDeviceVouched, isRotationSigned, isUsableKey } from '../mls/signatures.ts';
import type { AccountKeys, KeyChange } from '../store/keys.ts';

/** Devices with keys that one account may have at a time. */
export const MAX_DEVICES = 10;
/** Account keys over an account's life: its whole chain travels in one reply. */
const MAX_CHAIN = 500;

/**
 * What `keys.register` makes of an account's keys. The chain of account keys only grows: the head may be named again, a
 * key signed by the head passes on its trust, a key without a signature is a reset, and a key that was replaced never
 * comes back. A device keeps the key it began with. Throws a `RequestError`; nothing is changed then.
 */
export function judgeRegistration(
  { userId, deviceId }: { readonly userId: string; readonly deviceId: string },
  body: RequestBody<'keys.register'>,
  present: AccountKeys,
): KeyChange {
  const key = decode(body.accountKey);
  const deviceKey = decode(body.deviceKey);
  const crossSignature = decode(body.crossSig);
  if (!isUsableKey(key)) throw refused('accountKey', 'The account key can not be used.');
  const link = nextLink(userId, key, body.accountKeySig, present.chain);
  if (!isDeviceVouched(key, { userId, deviceId, deviceKey }, crossSignature)) {
    throw refused('crossSig', 'The account key does not vouch for this device key.');
  }
  const version = link?.version ?? present.chain.length;
  return { link, device: nextDevice({ key: deviceKey, crossSignature, accountKeyVersion: version }, present) };
}

function nextLink(
  userId: string,
  key: Buffer,
  signatureText: string | undefined,
  chain: AccountKeys['chain'],
): KeyChange['link'] {
  const signature = signatureText === undefined ? undefined : decode(signatureText);
  const head = chain.at(-1);
  if (head?.key.equals(key)) {
    // The same again, as after a lost reply.
    if (signature !== undefined && !head.signature?.equals(signature)) {
      throw refused('accountKeySig', 'The account key is registered with another signature.');
    }
    return undefined;
  }
  if (chain.some((link) => link.key.equals(key))) {
    throw new RequestError('conflict', {
      message: 'That account key was replaced by another one.',
      details: { field: 'accountKey' },
    });
  }
  if (chain.length >= MAX_CHAIN)
    throw new RequestError('conflict', { message: 'The account key was changed too often.' });
  const next = { userId, version: chain.length + 1, key, signature };
  const previousHash = head?.hash ?? chainStart();
  if (signature !== undefined && !(head !== undefined && isRotationSigned({ key: head.key, hash: head.hash }, next))) {
    throw refused('accountKeySig', 'The account key before does not sign this one.');
  }
  return { version: next.version, key, signature: signature ?? null, hash: chainHash(previousHash, next) };
}

function nextDevice(wanted: NonNullable<KeyChange['device']>, { device, others }: AccountKeys): KeyChange['device'] {
  if (device === undefined) {
    if (others < MAX_DEVICES) return wanted;
    throw new RequestError('conflict', {
      message: `An account has at most ${MAX_DEVICES} devices with keys; revoke one first.`,
      details: { limit: MAX_DEVICES },
    });
  }
  if (Buffer.compare(device.key, wanted.key) !== 0) {
    throw new RequestError('conflict', {
      message: 'This device has another key already; log in as a new device.',
      details: { field: 'deviceKey' },
    });
  }
  const same =
    device.accountKeyVersion === wanted.accountKeyVersion &&
    Buffer.compare(device.crossSignature, wanted.crossSignature) === 0;
  return same ? undefined : wanted;
}

const decode = (text: string): Buffer => Buffer.from(text, 'base64url');

const refused = (field: string, message: string): RequestError =>
  new RequestError('bad_request', { message, details: { field } });
