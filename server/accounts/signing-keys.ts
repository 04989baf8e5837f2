import { createPublicKey, createSecretKey, hkdfSync, type KeyObject, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blake2b } from '@noble/hashes/blake2.js';
import { PublicProtocol } from 'paseto';
import {
  ExportPublicKeyFactory,
  ExportSecretKeyFactory,
  GenerateKeyPairFactory,
  GetPublicKeyFactory,
  ImportPublicKeyFactory,
  ImportSecretKeyFactory,
  type PublicKey,
  type SecretKey,
} from 'paseto/v4/public';

const v4 = new PublicProtocol(
  GenerateKeyPairFactory,
  GetPublicKeyFactory,
  ImportSecretKeyFactory,
  ExportSecretKeyFactory,
  ImportPublicKeyFactory,
  ExportPublicKeyFactory,
);

export interface VerifyingKey {
  /** PASERK `k4.pid`, which travels in a token's footer. */
  readonly id: string;
  readonly key: KeyObject;
  readonly paserk: string;
}

export interface SigningKeys {
  readonly id: string;
  readonly secret: SecretKey;
  /** With which whoever has the secret key recognises its own tokens, see access-token.ts. */
  readonly seal: KeyObject;
  /** All whose tokens are accepted, by id; also those of keys that are on their way in or out. */
  readonly verifying: ReadonlyMap<string, VerifyingKey>;
}

/** A key that can't be read. The message is for the operator and doesn't contain it. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
}

/** A new secret key and its public one, as PASERK. */
export async function generateSigningKey(): Promise<{ secret: string; public: string }> {
  const pair = await v4.GenerateKeyPair({ extractable: true });
  return { secret: await v4.ExportSecretKey(pair.secretKey), public: await v4.ExportPublicKey(pair.publicKey) };
}

/** The key that signs, and those (itself and `alsoPublic`) whose tokens are accepted. All are PASERK. */
export async function importSigningKeys(
  secretPaserk: string,
  alsoPublic: readonly string[] = [],
): Promise<SigningKeys> {
  const secret = await importSecret(secretPaserk);
  const own = await verifyingKey(await v4.GetPublicKey(secret));
  const others = await Promise.all(alsoPublic.map(async (paserk) => verifyingKey(await importPublic(paserk))));
  return {
    id: own.id,
    secret,
    seal: sealKey(secretPaserk),
    verifying: new Map([own, ...others].map((key) => [key.id, key])),
  };
}

/** The key of a single instance, made at its first start and kept in its data folder for its owner's eyes only. */
export async function ownSigningKey(dataDir: string): Promise<string> {
  const path = join(dataDir, 'paseto-secret-key');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  mkdirSync(dataDir, { recursive: true });
  const fresh = `${path}.${randomUUID()}`;
  writeFileSync(fresh, `${(await generateSigningKey()).secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // Unlike a rename, this never replaces the key of a server that started at the same moment.
    linkSync(fresh, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(fresh);
  }
  return readFileSync(path, 'utf8').trim();
}

async function importSecret(paserk: string): Promise<SecretKey> {
  try {
    // What isn't PASERK is refused inside.
    return await v4.ImportSecretKey(paserk as `k4.secret.${string}`);
  } catch {
    throw new SigningKeyError(
      'PASETO_SECRET_KEY is no PASERK secret key (k4.secret. ...). `npm run keygen` makes one.',
    );
  }
}

/** HKDF (RFC 5869) of the secret key's 64 bytes. */
function sealKey(secretPaserk: string): KeyObject {
  const secret = Buffer.from(secretPaserk.slice('k4.secret.'.length), 'base64url');
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sotto access token seal', 32)));
}

async function importPublic(paserk: string): Promise<PublicKey> {
  try {
    return await v4.ImportPublicKey(paserk as `k4.public.${string}`);
  } catch {
    throw new SigningKeyError(
      `PASETO_PUBLIC_KEYS: ${paserk.slice(0, 24)}... is no PASERK public key (k4.public. ...).`,
    );
  }
}

async function verifyingKey(key: PublicKey): Promise<VerifyingKey> {
  const paserk = await v4.ExportPublicKey(key);
  // A PASERK public key is the 32 bytes of RFC 8032 as base64url, and so is the `x` of RFC 8037.
  const x = paserk.slice('k4.public.'.length);
  return {
    id: publicKeyId(paserk),
    key: createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }),
    paserk,
  };
}

/** PASERK operation `k4.pid`: the hash by which a public key is named. */
function publicKeyId(paserk: string): string {
  const hash = blake2b(new TextEncoder().encode(`k4.pid.${paserk}`), { dkLen: 33 });
  return `k4.pid.${Buffer.from(hash).toString('base64url')}`;
}
