import * as v from 'valibot';
import { conversation } from '../../protocol/conversation.ts';
import { events, requests } from '../../protocol/index.ts';
import { conversationSettings } from '../e2ee/content.ts';
import { unsafe } from '../encryption/records.ts';
import { entry } from '../records.ts';
import type { EventName, TabEvents } from './tab-calls.ts';

const greeting = requests.hello.reply;
const inLog = { seq: v.number(), sentAt: v.string() };
const ofConversation = { conversationId: v.string() };

/** What tabs are told of the client that another one holds, as it is checked when it comes. */
export const tabEvents: {
  readonly [Name in EventName]: v.GenericSchema<unknown, TabEvents[Name]>;
} = {
  connection: v.variant('is', [
    v.object({ is: v.literal('stopped') }),
    v.object({ is: v.literal('connecting'), tries: v.number() }),
    v.object({ is: v.picklist(['syncing', 'ready']), greeting }),
    v.object({ is: v.literal('waiting'), until: v.number(), tries: v.number(), reason: v.string() }),
    v.object({
      is: v.literal('refused'),
      refusal: v.object({ code: v.union([v.number(), v.string()]), reason: v.string() }),
    }),
  ]),
  message: v.object({
    ...ofConversation,
    clientId: v.string(),
    state: v.variant('is', [
      v.object({ is: v.literal('pending') }),
      v.object({ is: v.picklist(['stored', 'delivered', 'read']), ...inLog }),
      v.object({ is: v.literal('failed'), reason: v.object({ code: v.string(), message: v.string() }) }),
    ]),
  }),
  conversation,
  changed: entry,
  failed: entry,
  problem: v.instance(Error),
  'typing.changed': events['typing.changed'].body,
  'presence.changed': events['presence.changed'].body,
  'receipt.changed': events['receipt.changed'].body,
  status: v.picklist(['starting', 'unlinked', 'ready']),
  identity: v.object({ userId: v.string(), is: v.picklist(['rotated', 'reset', 'rewritten']), verified: v.boolean() }),
  unsafe: v.object({ ...ofConversation, reason: unsafe }),
  settings: v.object({
    ...ofConversation,
    ...conversationSettings.entries,
    byUserId: v.string(),
    byDeviceId: v.string(),
  }),
  archive: v.object(ofConversation),
  device: v.object({ userId: v.string(), deviceId: v.string(), is: v.picklist(['added', 'removed']) }),
  link: v.object({ linkId: v.string(), code: v.string() }),
};
