import type * as v from 'valibot';
import * as commit from './commit.ts';
import * as conversation from './conversation.ts';
import type { EventDefinition, NotificationDefinition, RequestDefinition } from './define.ts';
import * as device from './device.ts';
import * as keys from './keys.ts';
import * as link from './link.ts';
import * as message from './message.ts';
import * as presence from './presence.ts';
import * as profile from './profile.ts';
import * as receipt from './receipt.ts';
import * as recovery from './recovery.ts';
import * as session from './session.ts';
import * as typing from './typing.ts';

/** Every request a client may send, by its type on the wire. */
export const requests = {
  hello: session.hello,
  ping: session.ping,
  'session.renew': session.sessionRenew,
  'conversation.open': conversation.conversationOpen,
  'conversation.get': conversation.conversationGet,
  'conversation.list': conversation.conversationList,
  'conversation.accept': conversation.conversationAccept,
  'conversation.update': conversation.conversationUpdate,
  'message.send': message.messageSend,
  'message.history': message.messageHistory,
  'message.delete': message.messageDelete,
  'message.search': message.messageSearch,
  'receipt.read': receipt.receiptRead,
  'profile.get': profile.profileGet,
  'profile.update': profile.profileUpdate,
  'user.find': profile.userFind,
  'user.block': profile.userBlock,
  'user.unblock': profile.userUnblock,
  'presence.set': presence.presenceSet,
  'device.list': device.deviceList,
  'device.revoke': device.deviceRevoke,
  'keys.register': keys.keysRegister,
  'keys.publish': keys.keysPublish,
  'keys.devices': keys.keysDevices,
  'keys.claim': keys.keysClaim,
  'commit.send': commit.commitSend,
  'link.offer': link.linkOffer,
  'link.accept': link.linkAccept,
  'recovery.put': recovery.recoveryPut,
  'recovery.get': recovery.recoveryGet,
} as const satisfies { readonly [Type in string]: RequestDefinition<Type> };

/** Every notification a client may send. */
export const notifications = {
  ack: receipt.ack,
  'typing.set': typing.typingSet,
  'welcome.ack': commit.welcomeAck,
} as const satisfies { readonly [Type in string]: NotificationDefinition<Type> };

/** Every event a server may send. */
export const events = {
  'message.new': message.messageNew,
  'commit.new': commit.commitNew,
  'welcome.new': commit.welcomeNew,
  'receipt.changed': receipt.receiptChanged,
  'typing.changed': typing.typingChanged,
  'conversation.changed': conversation.conversationChanged,
  'presence.changed': presence.presenceChanged,
  'device.changed': device.deviceChanged,
  'keys.low': keys.keysLow,
  'link.sealed': link.linkSealed,
  'sync.done': session.syncDone,
  'session.expiring': session.sessionExpiring,
  'session.ending': session.sessionEnding,
} as const satisfies { readonly [Type in string]: EventDefinition<Type> };

export type RequestType = keyof typeof requests;
export type NotificationType = keyof typeof notifications;
export type EventType = keyof typeof events;

/** What a client gives, before defaults and normalisation. */
export type RequestInput<Type extends RequestType> = v.InferInput<(typeof requests)[Type]['body']>;
/** What a handler gets, after them. */
export type RequestBody<Type extends RequestType> = v.InferOutput<(typeof requests)[Type]['body']>;
export type Reply<Type extends RequestType> = v.InferOutput<(typeof requests)[Type]['reply']>;
export type NotificationBody<Type extends NotificationType> = v.InferOutput<(typeof notifications)[Type]['body']>;
export type EventBody<Type extends EventType> = v.InferOutput<(typeof events)[Type]['body']>;

export type Conversation = v.InferOutput<typeof conversation.conversation>;
export type Profile = v.InferOutput<typeof profile.profile>;
/** What `message.new` carries; narrow it by `deleted`. */
export type MessageEntry = v.InferOutput<typeof message.messageEntry>;
export type { DeletedMessage, StoredMessage } from './message.ts';
export type CommitEntry = v.InferOutput<typeof commit.commitEntry>;
export type Limits = v.InferOutput<typeof session.limits>;

export const isRequestType = (type: string): type is RequestType => Object.hasOwn(requests, type);
export const isNotificationType = (type: string): type is NotificationType => Object.hasOwn(notifications, type);
export const isEventType = (type: string): type is EventType => Object.hasOwn(events, type);
