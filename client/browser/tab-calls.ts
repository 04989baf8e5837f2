import type { RequestInput, RequestType } from '../../protocol/index.ts';
import type { LoginInput } from '../account.ts';
import type { Sendable } from '../e2ee/content.ts';
import type { EncryptedClient } from '../encryption/client.ts';
import type { EncryptionEvents } from '../encryption/events.ts';
import type { ConversationSettings } from '../encryption/rings.ts';
import type { ClientEvents } from '../events.ts';
import type { HistoryInput } from '../history.ts';
import { uuidv7 } from '../ids.ts';
import type { SendOptions } from '../message-calls.ts';
import type { Entry } from '../records.ts';
import type { SearchInput } from '../search/search.ts';

type Of = EncryptedClient;
type Ref = Pick<Entry, 'conversationId' | 'seq' | 'sentAt'>;

/** What a tab may ask of the client that the leading tab holds, and nothing else. */
export const calls = {
  whoAmI: (c: Of) => c.whoAmI(),
  login: (c: Of, input: LoginInput) => c.login(input),
  logout: (c: Of) => c.logout(),
  forgetSession: (c: Of) => c.forgetSession(),
  start: (c: Of) => c.start(),
  ready: (c: Of, withinMs?: number) => c.ready(withinMs),
  state: (c: Of) => c.state,
  reconnectNow: (c: Of) => c.reconnectNow(),
  request: <Type extends RequestType>(c: Of, type: Type, body: RequestInput<Type>) => c.request(type, body),
  conversations: (c: Of) => c.conversations(),
  conversation: (c: Of, id: string) => c.conversation(id),
  open: (c: Of, username: string) => c.open(username),
  accept: (c: Of, id: string) => c.accept(id),
  block: (c: Of, userId: string) => c.block(userId),
  unblock: (c: Of, userId: string) => c.unblock(userId),
  send: (c: Of, id: string, content: Sendable, more?: SendOptions) => c.send(id, content, more),
  edit: (c: Of, id: string, seq: number, text: string) => c.edit(id, seq, text),
  react: (c: Of, id: string, seq: number, emoji: string) => c.react(id, seq, emoji),
  unreact: (c: Of, id: string, seq: number, emoji: string) => c.unreact(id, seq, emoji),
  deleteForEveryone: (c: Of, id: string, seq: number) => c.deleteForEveryone(id, seq),
  deleteForMe: (c: Of, id: string, seq: number) => c.deleteForMe(id, seq),
  retry: (c: Of, clientId: string) => c.retry(clientId),
  discard: (c: Of, clientId: string) => c.discard(clientId),
  outgoing: (c: Of, id: string) => c.outgoing(id),
  stateOf: (c: Of, entry: Ref) => c.stateOf(entry),
  read: (c: Of, id: string, seq: number) => c.read(id, seq),
  typing: (c: Of, id: string, typing: boolean) => c.typing(id, typing),
  setExpiry: (c: Of, id: string, expireAfterMs: number | null) => c.setExpiry(id, expireAfterMs),
  setSearchOnServer: (c: Of, id: string, on: boolean) => c.setSearchOnServer(id, on),
  search: (c: Of, input: SearchInput) => c.search(input),
  history: (c: Of, id: string, page?: HistoryInput) => c.history(id, page),
  encryptionStatus: (c: Of) => c.encryption.status,
  isPrimary: (c: Of) => c.encryption.isPrimary,
  group: (c: Of, id: string) => c.encryption.group(id),
  renew: (c: Of, id: string) => c.encryption.renew(id),
  startOver: (c: Of, id: string) => c.encryption.startOver(id),
  settings: (c: Of, id: string) => c.encryption.settings(id),
  setSettings: (c: Of, id: string, wanted: Partial<ConversationSettings>) => c.encryption.setSettings(id, wanted),
  safetyNumber: (c: Of, userId: string) => c.encryption.identities().safetyNumber(userId),
  acceptIdentity: (c: Of, userId: string, shown: string) => c.encryption.identities().accept(userId, shown),
  revokeDevice: (c: Of, deviceId: string) => c.encryption.identities().revoke(deviceId),
  offerLink: (c: Of) => c.encryption.linking().offer(),
  confirmLink: (c: Of) => c.encryption.linking().confirm(),
  acceptLink: (c: Of, text: string) => c.encryption.linking().accept(text),
} as const;

export type CallName = keyof typeof calls;
export const callNames = Object.keys(calls) as CallName[];

type Rest<F> = F extends (client: Of, ...args: infer Args) => unknown ? Args : never;

/** The same calls from any tab; all of them answer later. */
export type TabCalls = {
  readonly [Name in Exclude<CallName, 'request'>]: (
    ...args: Rest<(typeof calls)[Name]>
  ) => Promise<Awaited<ReturnType<(typeof calls)[Name]>>>;
} & Pick<EncryptedClient, 'request'>;

/**
 * A call as it may be made once more, should the leading tab die before it answers: a message has its name from the tab
 * that sends it, and is not sent twice under that name.
 */
export function repeatable(name: CallName, args: readonly unknown[]): readonly unknown[] {
  if (name !== 'send') return args;
  const [id, content, more] = args;
  const clientId = uuidv7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  return [id, content, { clientId, ...(typeof more === 'object' ? more : {}) }];
}

const clientEvents = [
  'connection',
  'message',
  'conversation',
  'changed',
  'failed',
  'problem',
  'typing.changed',
  'presence.changed',
  'receipt.changed',
] as const satisfies readonly (keyof ClientEvents)[];
const encryptionEvents = [
  'status',
  'identity',
  'unsafe',
  'settings',
  'archive',
  'device',
  'link',
] as const satisfies readonly (keyof EncryptionEvents)[];

export const eventNames = [...clientEvents, ...encryptionEvents] as const;
export type EventName = (typeof eventNames)[number];

/** What every tab can listen to, and `leading`: whether this one leads. */
export type TabEvents = Pick<ClientEvents, (typeof clientEvents)[number]> &
  Pick<EncryptionEvents, (typeof encryptionEvents)[number]> & { readonly leading: boolean };

/** Tells everything that tabs are told. */
export function listen(client: Of, tell: <Name extends EventName>(name: Name, value: TabEvents[Name]) => void): void {
  for (const name of clientEvents) client.on(name, (value) => tell(name, value));
  for (const name of encryptionEvents) client.encryption.on(name, (value) => tell(name, value));
}
