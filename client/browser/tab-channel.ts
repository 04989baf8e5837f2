import * as v from 'valibot';
import { anyError } from '../errors.ts';
import { entry } from '../records.ts';
import { callNames, eventNames } from './tab-calls.ts';

const tab = v.pipe(v.string(), v.maxLength(64));
const n = v.pipe(v.number(), v.safeInteger());
const args = v.pipe(v.array(v.unknown()), v.maxLength(8));

/** What the tabs of one client say to each other. */
export const tabMessage = v.variant('is', [
  /** A tab is there; the leader answers with `leads` and waits for it with every entry from then on. */
  v.object({ is: v.literal('here'), from: tab }),
  v.object({ is: v.literal('gone'), from: tab }),
  v.object({ is: v.literal('leads'), from: tab }),
  v.object({ is: v.literal('call'), from: tab, n, name: v.picklist(callNames), args }),
  v.object({ is: v.literal('answer'), to: tab, n, value: v.optional(v.unknown()) }),
  v.object({ is: v.literal('refusal'), to: tab, n, ...anyError.entries }),
  v.object({ is: v.literal('event'), name: v.picklist(eventNames), value: v.unknown() }),
  v.object({ is: v.literal('entry'), n, entry }),
  /** The handler of this tab has finished with an entry. */
  v.object({ is: v.literal('took'), from: tab, n }),
]);

export type TabMessage = v.InferOutput<typeof tabMessage>;

export interface TabChannel {
  post(message: TabMessage): void;
  close(): void;
}

/** Tabs with another version of this page's program may be open: they do not understand each other, nor should they. */
const VERSION = 1;

export function openTabChannel(name: string, take: (message: TabMessage) => void): TabChannel {
  const channel = new BroadcastChannel(`sotto.tabs.${VERSION}.${name}`);
  channel.onmessage = ({ data }) => {
    const message = v.safeParse(tabMessage, data);
    // Nobody else of this origin has a reason to speak here.
    if (message.success) take(message.output);
  };
  return { post: (message) => channel.postMessage(message), close: () => channel.close() };
}
