import type { StoredMessage } from '../../protocol/index.ts';
import type { Peeked } from '../codec.ts';
import { fromBase64url } from '../e2ee/bytes.ts';
import { isControl } from '../e2ee/content.ts';
import { openArchived } from '../e2ee/envelope.ts';
import { E2eeError } from '../e2ee/error.ts';
import { keysOfVersion } from '../e2ee/key-ring.ts';
import type { Parts } from './parts.ts';

const failed = (code: 'strict' | 'key_missing' | 'unreadable', message: string): Peeked => ({
  is: 'unreadable',
  failure: { code, message },
});

type Needs = Pick<Parts, 'directory' | 'rings' | 'sharing'>;

/**
 * Messages from a time for which this device has no keys of the group, read with the conversation's history keys. Whoever
 * had such a key could have written them in anybody's name: the server could not, another member could.
 */
export class Archive {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  async read(entry: StoredMessage): Promise<Peeked> {
    const { conversationId, senderId, senderDeviceId, wrap } = entry;
    if (wrap === undefined) {
      // Nobody would miss it: what devices tell each other is never in the archive.
      if (entry.silent) return { is: 'nothing' };
      return failed('strict', 'It was sent without history: only the devices of that time can read it.');
    }
    const { history } = await this.#parts.rings.get(conversationId);
    if (keysOfVersion(history, wrap.v).length === 0) {
      this.#parts.sharing.ask(conversationId, 'history', wrap.v);
      return failed('key_missing', 'This device was not given the key of that time.');
    }
    const { devices } = await this.#parts.directory.user(senderId);
    if (!devices.some(({ deviceId }) => deviceId === senderDeviceId))
      return failed('unreadable', 'It is from a device that its sender never had.');
    try {
      const content = await openArchived(history, {
        conversationId,
        clientId: entry.clientId,
        senderId,
        senderDeviceId,
        content: entry.content === undefined ? undefined : fromBase64url(entry.content),
        wrap: { v: wrap.v, ct: fromBase64url(wrap.ct) },
      });
      if (isControl(content)) return { is: 'nothing' };
      // Nobody but its author changes or deletes a message; the target itself may not be here yet.
      const isChange = content.type === 'edit' || content.type === 'delete';
      if (isChange && !devices.some(({ deviceId }) => deviceId === content.target.deviceId)) return { is: 'nothing' };
      return { is: 'content', content: { ...content }, archived: true };
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      if (error.code === 'key_missing')
        return failed('key_missing', 'None of the keys that this device was given opens it.');
      return failed('unreadable', error.message);
    }
  }
}
