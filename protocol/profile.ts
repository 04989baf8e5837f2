import * as v from 'valibot';
import { request } from './define.ts';
import { bytes, displayName, noNull, username, uuid } from './scalars.ts';

const about = v.pipe(v.string(), v.trim(), v.maxLength(280), noNull);

/** A small picture, as opaque bytes with its type. */
export const avatar = v.object({ type: v.picklist(['image/png', 'image/jpeg', 'image/webp']), data: bytes(32 * 1024) });

export const profile = v.object({
  userId: uuid,
  username,
  displayName,
  about: v.optional(about),
  avatar: v.optional(avatar),
});

/** A person's profile; one's own without `userId`. */
export const profileGet = request('profile.get', v.object({ userId: v.optional(uuid) }), v.object({ profile }));

/** Changes what is given; `null` removes the picture. */
export const profileUpdate = request(
  'profile.update',
  v.object({
    displayName: v.optional(displayName),
    about: v.optional(about),
    avatar: v.optional(v.nullable(avatar)),
  }),
  v.object({ profile }),
);

/** Finds a person by the whole username. */
export const userFind = request('user.find', v.object({ username }), v.object({ profile }));

const target = v.object({ userId: uuid });

/** A blocked person can neither open a conversation nor send, and sees no presence, typing or receipts. */
export const userBlock = request('user.block', target, v.object({}));
export const userUnblock = request('user.unblock', target, v.object({}));
