import type { E2eeEngine } from '../e2ee/engine.ts';
import type { Emitter } from '../emitter.ts';
import type { Committing } from './committing.ts';
import type { Controls } from './controls.ts';
import type { OwnDevice } from './device.ts';
import type { KeyDirectory } from './directory.ts';
import type { EncryptionEvents } from './events.ts';
import type { Groups } from './groups.ts';
import type { CodecHost } from './host.ts';
import type { KeyRings } from './rings.ts';
import type { Sharing } from './sharing.ts';
import type { Welcomes } from './welcomes.ts';

/** What encryption is put together from. Each part names those that it needs. */
export interface Parts {
  readonly host: CodecHost;
  readonly engine: E2eeEngine;
  readonly directory: KeyDirectory;
  readonly device: OwnDevice;
  readonly groups: Groups;
  readonly welcomes: Welcomes;
  readonly rings: KeyRings;
  readonly emitter: Emitter<EncryptionEvents>;
  readonly committing: Committing;
  readonly controls: Controls;
  readonly sharing: Sharing;
  /** A conversation has reached another state: there may be more to change, or something to send. */
  readonly moved: (conversationId: string) => void;
}
