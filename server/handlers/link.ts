import type { Clock } from '../clock.ts';
import type { Hub } from '../delivery/hub.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { MailboxStore } from '../store/mailbox.ts';
import type { Handler, Handlers } from './handler.ts';

/** Offers of one person that may be open at a time. */
const MAX_OFFERS = 5;

export function linkHandlers(deps: {
  store: MailboxStore;
  hub: Hub;
  limits: Limits;
  clock: Clock;
}): Pick<Handlers, 'link.offer' | 'link.accept'> {
  const { store, hub, limits, clock } = deps;

  const offer: Handler<'link.offer'> = async ({ publicKey }, { connection }) => {
    await limits.take('link_offer', connection.userId);
    const made = await store.offer(connection, Buffer.from(publicKey, 'base64url'), MAX_OFFERS);
    if (made === undefined) throw new RequestError('unauthenticated');
    if ('until' in made) {
      throw new RequestError('rate_limited', {
        retryAfterMs: Math.max(1, made.until.getTime() - clock.now()),
        details: { bucket: 'link_offer' },
      });
    }
    return { linkId: made.linkId, expiresAt: made.expiresAt.toISOString() };
  };

  const accept: Handler<'link.accept'> = async ({ linkId, sealed }, { connection }) => {
    const deviceId = await store.accept(connection, linkId, Buffer.from(sealed, 'base64url'));
    if (deviceId === undefined) throw new RequestError('not_found');
    hub.wake([connection.userId], [deviceId]);
    return {};
  };

  return { 'link.offer': offer, 'link.accept': accept };
}
