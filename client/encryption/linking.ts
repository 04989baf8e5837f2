import { equalBytes, fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import { crossSign, verifyCrossSignature } from '../e2ee/identity.ts';
import {
  generateLinkSecret,
  type LinkAnswer,
  type LinkOffer,
  type LinkSecret,
  linkOfferText,
  maxLinkKeys,
  openLinkAnswer,
  parseLinkOffer,
  sealLinkAnswer,
} from '../e2ee/linking.ts';
import type { Emitter } from '../emitter.ts';
import type { OwnDevice } from './device.ts';
import type { KeyDirectory } from './directory.ts';
import type { EncryptionEvents } from './events.ts';
import type { CodecHost } from './host.ts';
import type { OwnKeys } from './rings.ts';

interface Open {
  readonly offer: LinkOffer;
  readonly secret: LinkSecret;
  answer?: LinkAnswer;
}

/** How another device becomes one of the account's. */
export function createLinking(deps: {
  host: CodecHost;
  directory: KeyDirectory;
  device: OwnDevice;
  ownKeys: OwnKeys;
  emitter: Emitter<EncryptionEvents>;
}) {
  const { host, directory, device, ownKeys, emitter } = deps;
  let open: Open | undefined;

  host.on('link.sealed', ({ linkId, sealed }) => {
    const here = open;
    if (here?.offer.linkId !== linkId) return;
    device.quietly(
      openLinkAnswer(here.offer, here.secret.privateKey, fromBase64url(sealed)).then(async ({ answer, code }) => {
        const { userId, deviceId, deviceKey } = here.offer;
        const own = { deviceId, key: deviceKey, crossSig: answer.crossSig };
        if (!(await verifyCrossSignature(answer.accountKey, userId, own)))
          throw new E2eeError('refused', 'The answer does not vouch for this device.');
        here.answer = answer;
        emitter.emit('link', { linkId, code });
      }),
    );
  });

  return {
    /**
     * On the new device: what the primary device has to scan or be given. Comes to an end with a `link` event. Rejects with
     * `refused` on a device that is linked already.
     */
    async offer(): Promise<{ text: string; expiresAt: string }> {
      if (device.status === 'ready') throw new E2eeError('refused', 'This device is linked already.');
      await device.settled;
      const { userId, deviceId } = host.me();
      const secret = await generateLinkSecret();
      const made = await host.request('link.offer', { publicKey: toBase64url(secret.publicKey) });
      const { publicKey } = secret;
      const deviceKey = new Uint8Array(device.deviceKey());
      const offer: LinkOffer = { linkId: made.linkId, userId, deviceId, deviceKey, publicKey, secret: secret.secret };
      open = { offer, secret };
      return { text: linkOfferText(offer), expiresAt: made.expiresAt };
    },
    /** On the new device, after the person saw the same six digits on both. Rejects with `refused` before the `link` event. */
    async confirm(): Promise<void> {
      if (open?.answer === undefined) throw new E2eeError('refused', 'There is no answer to confirm.');
      const { accountKey, crossSig, chainHead, keys } = open.answer;
      open = undefined;
      await ownKeys.adoptConversationKeys(keys);
      await device.adopt({ accountKey, crossSig, chainHead });
    },
    /**
     * On the primary device: vouches for the device that made the offer. Show the six digits it resolves with. Rejects with
     * `malformed` for a text that is no offer, `refused` for another person's device and on one without the account key.
     */
    async accept(text: string): Promise<{ code: string; deviceId: string }> {
      const offer = parseLinkOffer(text);
      const { userId } = host.me();
      if (offer === undefined) throw new E2eeError('malformed', 'That is no offer of a device.');
      if (offer.userId !== userId) throw new E2eeError('refused', 'That device belongs to another person.');
      const account = device.account();
      const own = await directory.refresh(userId);
      const head = own.chain.at(-1);
      if (head === undefined || !equalBytes(head.key, account.publicKey))
        throw new E2eeError('refused', 'The account has another key than this device.');
      const { sealed, code } = await sealLinkAnswer(offer, {
        accountKey: account.publicKey,
        crossSig: await crossSign(account, userId, offer.deviceId, offer.deviceKey),
        chainHead: head.hash,
        // What is in use comes first; the rest is asked for inside the conversations.
        keys: (await ownKeys.allConversationKeys()).slice(0, maxLinkKeys),
      });
      await host.request('link.accept', { linkId: offer.linkId, sealed: toBase64url(sealed) });
      return { code, deviceId: offer.deviceId };
    },
  };
}
