import { toBase64url } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import { crossSign, generateAccountKey, signRevocation } from '../e2ee/identity.ts';
import { compareSafetyQr, type Party, safetyNumber, safetyQr } from '../e2ee/safety-number.ts';
import type { OwnDevice } from './device.ts';
import { comparedAnother, type KeyDirectory } from './directory.ts';
import type { CodecHost } from './host.ts';
import type { Recovered, RecoveryKeeper } from './recovery.ts';

/** Who is who: comparing and accepting identities, and one's own account key. */
export function createIdentities(deps: {
  host: CodecHost;
  directory: KeyDirectory;
  device: OwnDevice;
  recovery: RecoveryKeeper;
  accepted: (userId: string) => Promise<void>;
}) {
  const { host, directory, device, recovery } = deps;

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

  /** The key of the person for which the safety number, or the text of the code on their screen, stands now. */
  async function keyCompared(userId: string, compared: string): Promise<Uint8Array> {
    const [mine, theirs] = await parties(userId);
    const isSame = withoutSpaces(compared) === withoutSpaces(safetyNumber(mine, theirs));
    if (!isSame && compareSafetyQr(compared, mine, theirs) !== 'match') throw comparedAnother();
    return theirs.accountKey;
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
        devices: devices.flatMap(({ deviceId, revoked, former }) => (revoked || former ? [] : [deviceId])),
      };
    },
    /** 60 digits to be compared with the other person. Rejects with `refused` while that person has no identity. */
    safetyNumber: async (userId: string): Promise<string> => safetyNumber(...(await parties(userId))),
    /** The same as a QR code's text. */
    safetyQr: async (userId: string): Promise<string> => safetyQr(...(await parties(userId))),
    /** What a scanned code says: whether it is of that person and this one. */
    compareQr: async (scanned: string, userId: string) => compareSafetyQr(scanned, ...(await parties(userId))),
    /**
     * Somebody compared `compared`: the safety number, or the text of the QR code that the other device showed. Rejects with
     * `conflict` if that is not the present one any more, or if a new identity waits to be accepted. `undefined` withdraws it.
     */
    async setVerified(userId: string, compared: string | undefined): Promise<void> {
      await directory.verify(userId, compared === undefined ? undefined : await keyCompared(userId, compared));
    },
    /**
     * Goes on with the new identity of a person for which `shown` stands: the safety number that was shown when they were
     * asked, or the text of their QR code. Rejects with `conflict` if another one is offered by now.
     */
    async accept(userId: string, shown: string): Promise<void> {
      await directory.accept(userId, await keyCompared(userId, shown));
      await deps.accepted(userId);
    },
    /**
     * Ends one of this person's devices for good. Only the primary device can: on another one it is `refused`. If that
     * device had the account key, the account begins a new identity: contacts have to accept it, and other devices have
     * to be linked again.
     */
    async revoke(deviceId: string): Promise<{ newIdentity: boolean }> {
      const account = device.account();
      const { userId, deviceId: own } = host.me();
      if (deviceId !== own && device.holders.includes(deviceId)) {
        await device.replaceAccount(deviceId);
        recovery.touch();
        return { newIdentity: true };
      }
      const signature = await signRevocation(account, userId, deviceId);
      await host.request('device.revoke', { deviceId, signature: toBase64url(signature) });
      return { newIdentity: false };
    },
    /**
     * The key with which somebody who lost every device gets the account and the past back, to be written down; the first
     * call makes it. Only the primary device has it, and keeps what it opens up to date at the server.
     */
    recoveryKey: (): Promise<string> => recovery.key(),
    /** Another recovery key, for when the one before may have been seen: that one opens nothing any more. */
    newRecoveryKey: (): Promise<string> => recovery.newKey(),
    /** Makes this device the primary one by the recovery key, and says what came back and what did not. */
    recover: (recoveryKey: string): Promise<Recovered> => recovery.restore(recoveryKey),
    /** Gives the account a new key that nobody vouches for: contacts are told, and have to accept it. */
    async reset(): Promise<void> {
      await device.adopt(await vouchFor(await generateAccountKey()));
    },
  };
}

const withoutSpaces = (text: string): string => text.replaceAll(/\s/g, '');
