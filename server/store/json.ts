import type { CommitEntry, DeletedMessage, StoredMessage } from '../../protocol/index.ts';

/** Entries may be given with `undefined` where a field is absent. */
type Loose<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/**
 * Entries as JSON, built by hand: every field of theirs has met a schema that admits no character JSON would escape, and
 * building text is several times faster than `JSON.stringify`. These are the bodies of `message.new` and `commit.new`.
 */
export function messageJson(entry: Loose<StoredMessage>): string {
  const content = entry.content === undefined ? '' : `,"content":"${entry.content}"`;
  const wrap = entry.wrap === undefined ? '' : `,"wrap":{"v":${entry.wrap.v},"ct":"${entry.wrap.ct}"}`;
  const silent = entry.silent === true ? ',"silent":true' : '';
  return (
    `{"conversationId":"${entry.conversationId}","seq":${entry.seq},"senderId":"${entry.senderId}",` +
    `"senderDeviceId":"${entry.senderDeviceId}","clientId":"${entry.clientId}","epoch":${entry.epoch},` +
    `"mls":"${entry.mls}"${content}${wrap}${silent},"sentAt":"${entry.sentAt}"}`
  );
}

/** A message whose ciphertext is gone. */
export function deletedJson(entry: Loose<Omit<DeletedMessage, 'deleted'>>): string {
  const silent = entry.silent === true ? ',"silent":true' : '';
  return (
    `{"conversationId":"${entry.conversationId}","seq":${entry.seq},"senderId":"${entry.senderId}",` +
    `"senderDeviceId":"${entry.senderDeviceId}","clientId":"${entry.clientId}","epoch":${entry.epoch},` +
    `"deleted":true${silent},"sentAt":"${entry.sentAt}"}`
  );
}

export function commitJson(entry: CommitEntry): string {
  return (
    `{"conversationId":"${entry.conversationId}","seq":${entry.seq},"senderId":"${entry.senderId}",` +
    `"senderDeviceId":"${entry.senderDeviceId}","epoch":${entry.epoch},"commit":"${entry.commit}","sentAt":"${entry.sentAt}"}`
  );
}
