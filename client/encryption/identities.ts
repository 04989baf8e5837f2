import { fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import { crossSign, generateAccountKey, signRevocation } from '../e2ee/identity.ts';
import { openRecovery, sealRecovery } from '../e2ee/recovery.ts';
import { generateRecoveryKey, parseRecoveryKey, recoveryKeyText } from '../e2ee/recovery-key.ts';
import { compareSafetyQr, type Party, safetyNumber, safetyQr } from '../e2ee/safety-number.ts';
import type { OwnDevice } from './device.ts';
import type { KeyDirectory } from './directory.ts';
import type { CodecHost } from './host.ts';
import type { OwnKeys } from './rings.ts';

/** Who is who: comparing and accepting identities, and one's own account key. */
export function createIdentities(deps: {
  host: CodecHost;
  directory: KeyDirectory;
  device: OwnDevice;
  ownKeys: OwnKeys;
  accepted: (userId: string) => Promise<void>;
}) {
  const { host, directory, device } = deps;

  async function parties(userId: string): Promise<[Party, Party]> {
    const [mine, theirs] = [await directory.user(host.me().userId), await directory.user(userId)];
    // The identity that is offered is what has to be compared now.
    const [myKey, theirKey] = [device.accountKey ?? mine.pin?.key, (theirs.offered ?? theirs.pin)?.key];
    if (myKey === undefined || theirKey === undefined)
      throw new E2eeError('refused', 'That person has no identity yet.');
    return [
      { userId: host.me().userId, accountKey: myKey },
      { userId, accountKey: theirKey },
    ];
  }

  /** What the account key vouches for, with this device as its primary one. */
  async function vouchFor(account: { publicKey: Uint8Array<ArrayBuffer>; privateKey: Uint8Array<ArrayBuffer> }) {
    const { userId, deviceId } = host.me();
    return {
      account,
      accountKey: account.publicKey,
      crossSig: await crossSign(account, userId, deviceId, device.deviceKey()),
    };
  }

  return {
    /** What is known of a person's identity. `pending`: a new one waits to be accepted. */
    async of(userId: string) {
      const { pin, offered, rewritten, devices } = await directory.user(userId);
      return {
        known: pin !== undefined,
        verified: pin?.verified === true,
        pending: offered !== undefined,
        rewritten,
        devices: devices.filter(({ revoked }) => !revoked).map(({ deviceId }) => deviceId),
      };
    },
    /** 60 digits to be compared with the other person. */
    safetyNumber: async (userId: string): Promise<string> => safetyNumber(...(await parties(userId))),
    /** The same as a QR code's text. */
    safetyQr: async (userId: string): Promise<string> => safetyQr(...(await parties(userId))),
    compareQr: async (scanned: string, userId: string) => compareSafetyQr(scanned, ...(await parties(userId))),
    /** Somebody compared the safety number. */
    setVerified: (userId: string, verified: boolean): Promise<void> => directory.verify(userId, verified),
    /** Goes on with a person's new identity. */
    async accept(userId: string): Promise<void> {
      await directory.accept(userId);
      await deps.accepted(userId);
    },
    /** Ends one of this person's devices for good. Only the primary device can. */
    async revoke(deviceId: string): Promise<void> {
      const { userId } = host.me();
      const signature = await signRevocation(device.account(), userId, deviceId);
      await host.request('device.revoke', { deviceId, signature: toBase64url(signature) });
    },
    /** The account key under a key to be written down. Keep `blob` anywhere, and the text somewhere else. */
    async exportRecovery(): Promise<{ recoveryKey: string; blob: string }> {
      const key = generateRecoveryKey();
      const blob = await sealRecovery(key, host.me().userId, { account: device.account(), keys: [] });
      return { recoveryKey: recoveryKeyText(key), blob: toBase64url(blob) };
    },
    /** Makes this device the primary one of an account whose other devices are lost. */
    async restoreRecovery(recoveryKey: string, blob: string): Promise<void> {
      const key = parseRecoveryKey(recoveryKey);
      if (key === undefined) throw new E2eeError('malformed', 'The recovery key contains a typing mistake.');
      const { account } = await openRecovery(key, host.me().userId, fromBase64url(blob));
      await device.adopt(await vouchFor(account));
    },
    /** Gives the account a new key that nobody vouches for: contacts are told, and have to accept it. */
    async reset(): Promise<void> {
      await device.adopt(await vouchFor(await generateAccountKey()));
    },
  };
}
