import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import * as v from 'valibot';
import { uuidBytes, uuidText } from '../../protocol/identity.ts';
import { type Bytes, concat, fromBase64url, fromUtf8, own, randomBytes, toBase64url, utf8 } from './bytes.ts';
import { bytesText, type ConversationKey, packedKeysText, packKeysText } from './conversation-keys.ts';
import { E2eeError } from './error.ts';

/**
 * How a new device becomes one of the account's, without the account key ever leaving the primary device:
 *
 * 1. The new device makes an offer: ids, its device key, an ephemeral X25519 key, and a secret. It sends only the X25519
 *    key to the server (`link.offer`) and shows the whole offer as a QR code or as text to be pasted.
 * 2. The primary device scans it, so it knows from the screen itself which key to vouch for. It seals its answer to the
 *    X25519 key with the secret as a pre-shared key (HPKE, mode PSK) and sends it (`link.accept`).
 * 3. Both show six digits made from all of that. The person compares them before the new device believes the answer.
 *
 * The server relays the answer but never had the secret: it can neither make an answer nor search for one that gives
 * the same six digits.
 */
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const info = utf8('sotto-link-v1');
const pskId = utf8('sotto-link-psk-v1');
const prefix = 'sotto-link:1:';
/** `link.accept` takes 64 KiB. */
const maxSealed = 64 * 1024;
const overhead = 32 + 16 + 2048;

/** What the new device shows on its screen. */
export interface LinkOffer {
  readonly linkId: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceKey: Bytes;
  /** X25519, for this offer only; also sent in `link.offer`. */
  readonly publicKey: Bytes;
  /** Never sent to the server. */
  readonly secret: Bytes;
}

/** What the new device is given. Not the account's private key. */
export interface LinkAnswer {
  readonly accountKey: Bytes;
  /** The account key's word for the new device. */
  readonly crossSig: Bytes;
  /** Head of the account's key chain, to compare with what the server says. */
  readonly chainHead: Bytes;
  readonly keys: readonly ConversationKey[];
}

/** The new device's side, from before it asks for a `linkId` until it read the answer. */
export interface LinkSecret {
  readonly publicKey: Bytes;
  readonly privateKey: CryptoKey;
  readonly secret: Bytes;
}

export async function generateLinkSecret(): Promise<LinkSecret> {
  const { privateKey, publicKey } = await suite.kem.generateKeyPair();
  return {
    publicKey: new Uint8Array(await suite.kem.serializePublicKey(publicKey)),
    privateKey,
    secret: randomBytes(32),
  };
}

const offerBytes = (offer: LinkOffer): Bytes =>
  concat(
    uuidBytes(offer.linkId),
    uuidBytes(offer.userId),
    uuidBytes(offer.deviceId),
    offer.deviceKey,
    offer.publicKey,
    offer.secret,
  );

/** For a QR code, or to be pasted. */
export const linkOfferText = (offer: LinkOffer): string => prefix + toBase64url(offerBytes(offer));

/** Undefined if it is not an offer. */
export function parseLinkOffer(text: string): LinkOffer | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith(prefix)) return undefined;
  try {
    const bytes = fromBase64url(trimmed.slice(prefix.length));
    if (bytes.length !== 48 + 96) return undefined;
    const [linkId = '', userId = '', deviceId = ''] = [0, 16, 32].map((at) => uuidText(bytes.subarray(at, at + 16)));
    return {
      linkId,
      userId,
      deviceId,
      deviceKey: bytes.slice(48, 80),
      publicKey: bytes.slice(80, 112),
      secret: bytes.slice(112),
    };
  } catch {
    return undefined;
  }
}

const answerSchema = v.object({
  v: v.literal(1),
  accountKey: bytesText(32),
  crossSig: bytesText(64),
  chainHead: bytesText(32),
  keys: packedKeysText,
});

/** How many keys fit; the others follow inside the encrypted conversations. Give the newest first. */
export const maxLinkKeys = Math.floor(((maxSealed - overhead) * 3) / 4 / 53);

/** The primary device's side. `code` is what both devices show. Throws `refused` if there are too many keys. */
export async function sealLinkAnswer(offer: LinkOffer, answer: LinkAnswer): Promise<{ sealed: Bytes; code: string }> {
  if (answer.keys.length > maxLinkKeys)
    throw new E2eeError('refused', `At most ${maxLinkKeys} keys fit into one answer.`);
  const plain = JSON.stringify({
    v: 1,
    accountKey: toBase64url(answer.accountKey),
    crossSig: toBase64url(answer.crossSig),
    chainHead: toBase64url(answer.chainHead),
    keys: packKeysText(answer.keys),
  });
  const { ct, enc } = await suite.seal(
    {
      recipientPublicKey: await suite.kem.deserializePublicKey(own(offer.publicKey)),
      info,
      psk: { id: pskId, key: own(offer.secret) },
    },
    utf8(plain),
    offerBytes(offer),
  );
  const sealed = concat(new Uint8Array(enc), new Uint8Array(ct));
  return { sealed, code: linkCode(offer, sealed) };
}

/** The new device's side. Show `code`, and use the answer only when the person says that both codes are equal. */
export async function openLinkAnswer(
  offer: LinkOffer,
  privateKey: CryptoKey,
  sealed: Uint8Array,
): Promise<{ answer: LinkAnswer; code: string }> {
  const bytes = own(sealed);
  let plain: unknown;
  try {
    const opened = await suite.open(
      { recipientKey: privateKey, enc: bytes.slice(0, 32), info, psk: { id: pskId, key: own(offer.secret) } },
      bytes.slice(32),
      offerBytes(offer),
    );
    plain = JSON.parse(fromUtf8(new Uint8Array(opened)));
  } catch (cause) {
    throw new E2eeError('undecryptable', 'The answer is not for this offer, or not from the device that scanned it.', {
      cause,
    });
  }
  const answer = v.safeParse(answerSchema, plain);
  if (!answer.success) throw new E2eeError('malformed', 'The answer is of another version.');
  return { answer: answer.output, code: linkCode(offer, bytes) };
}

/** Six digits over everything both sides saw, keyed with what the server did not see. */
function linkCode(offer: LinkOffer, sealed: Uint8Array): string {
  const mac = hmac(sha256, offer.secret, concat(utf8('sotto-link-code-v1'), offerBytes(offer), sha256(sealed)));
  return String(new DataView(mac.buffer, mac.byteOffset).getUint32(0) % 1_000_000).padStart(6, '0');
}
