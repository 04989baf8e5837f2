// What the tests of this folder share: people, devices, and forgeries that the engine itself refuses to make.
import type { AcceptLeaf, DeviceSigner, E2eeEngine, GroupState, KeyPackageBundle } from './engine.ts';
import { equalBytes, fromUtf8 } from './bytes.ts';
import { generateSigningKey } from './ed25519.ts';
import { E2eeError, type E2eeErrorCode } from './error.ts';
import { createTsMlsEngine } from './ts-mls-engine.ts';

export const newUser = (): string => crypto.randomUUID();
export const text = fromUtf8;

export const hasCode = (code: E2eeErrorCode) => (error: unknown): boolean =>
  error instanceof E2eeError && (error.code === code || !console.error(`wanted ${code}, got ${error.code}: ${error.message}`, error.cause));

export interface Device {
  readonly signer: DeviceSigner;
  readonly package: KeyPackageBundle;
  state: GroupState | undefined;
  now(): GroupState;
}

export async function newDevice(engine: E2eeEngine, userId: string, deviceId: string = crypto.randomUUID()): Promise<Device> {
  const signer = { userId, deviceId, ...(await generateSigningKey()) };
  return {
    signer,
    package: await engine.createKeyPackage(signer),
    state: undefined,
    now() {
      if (!this.state) throw new Error('not in a group');
      return this.state;
    },
  };
}

/** An engine that accepts exactly the devices it was told to. */
export async function testEngine() {
  const known = new Map<string, Uint8Array>();
  const accept: AcceptLeaf = ({ deviceId, signatureKey }) => equalBytes(known.get(deviceId) ?? new Uint8Array(), signatureKey);
  return {
    engine: await createTsMlsEngine(accept),
    allow: ({ signer }: Device) => void known.set(signer.deviceId, signer.publicKey),
    refuse: ({ signer }: Device) => void known.delete(signer.deviceId),
  };
}
