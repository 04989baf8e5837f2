import type { Reply } from '../../protocol/index.ts';
import type { Commits } from '../delivery/commits.ts';
import type { Mailbox } from '../delivery/mailbox.ts';
import type { Handlers, NotificationHandlers, Pending } from './handler.ts';

export function commitHandlers(commits: Commits): Pick<Handlers, 'commit.send'> {
  return {
    'commit.send': (body, { connection }): Pending<Reply<'commit.send'>> => ({
      // biome-ignore lint/suspicious/noThenProperty: see Pending
      then(resolve, reject) {
        try {
          commits.send(connection, body, connection, resolve, reject);
        } catch (error) {
          reject(error);
        }
      },
    }),
  };
}

export function mailHandlers(mailbox: Mailbox): Pick<NotificationHandlers, 'welcome.ack'> {
  return {
    'welcome.ack': ({ id }, { connection }) => mailbox.acknowledge(connection, id),
  };
}
