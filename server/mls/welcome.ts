import { MAX_WELCOME_BYTES } from '../../protocol/commit.ts';
import { skipHpkeCiphertext } from './commit.ts';
import { suite } from './leaf-node.ts';
import { maxGroupDevices } from './leaves.ts';
import { ensure } from './mls-error.ts';
import { openMessage, readList } from './tls.ts';

const wireFormat = 3;

/**
 * Reads a welcome (RFC 9420 section 12.4.3.1) and returns the KeyPackageRefs it is for. All the rest is encrypted to
 * them.
 */
export function readWelcome(message: Uint8Array): Uint8Array[] {
  const reader = openMessage(message, MAX_WELCOME_BYTES, wireFormat);
  ensure(reader.uint16() === suite, 'wrong_suite');
  const refs = readList(reader, maxGroupDevices, (secrets) => {
    const ref = secrets.vector(32);
    skipHpkeCiphertext(secrets);
    return ref;
  });
  reader.vector(); // the encrypted group info
  reader.end();
  return refs;
}

/** Refuses a welcome that is not for exactly the added devices, each once: the commit's `adds[].ref`, in any order. */
export function checkWelcome(message: Uint8Array, addedRefs: readonly Uint8Array[]): void {
  const welcomed = readWelcome(message).map(hex).sort();
  const added = addedRefs.map(hex).sort();
  ensure(new Set(added).size === added.length, 'welcome_differs');
  ensure(added.length === welcomed.length && added.every((ref, index) => ref === welcomed[index]), 'welcome_differs');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
