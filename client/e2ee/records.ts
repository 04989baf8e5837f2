import { type Bytes, concat, fromUtf8, own, utf8 } from './bytes.ts';
import type { SavedState } from './engine.ts';
import { E2eeError } from './error.ts';

/** Length of the engine's name (1), name, version (1), then the engine's bytes: a state is large and stored often. */
export function encodeSavedState({ engine, version, bytes }: SavedState): Bytes {
  const name = utf8(engine);
  return concat(Uint8Array.of(name.length), name, Uint8Array.of(version), bytes);
}

/** Throws `store_damaged` for what it did not write, as far as that shows. */
export function decodeSavedState(stored: Uint8Array): SavedState {
  const at = 1 + (stored[0] ?? 0);
  const version = stored[at];
  if (version === undefined) throw new E2eeError('store_damaged', 'A stored state is damaged.');
  return { engine: fromUtf8(stored.subarray(1, at)), version, bytes: own(stored.subarray(at + 1)) };
}
