import type { Profile, RequestBody } from '../../protocol/index.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Gate } from '../store/gate.ts';
import * as store from '../store/people.ts';
import type { Handler } from './handler.ts';

type Avatar = NonNullable<Profile['avatar']>;

export function profileHandlers(deps: {
  gate: Gate;
  limits: Limits;
  /** Shows conversations again to all of their members. */
  show: (conversationIds: readonly string[]) => void;
}) {
  const { gate, limits, show } = deps;

  const get: Handler<'profile.get'> = async ({ userId }, { connection }) => {
    await limits.take('lookup', connection.userId);
    return shown(await store.findProfile(gate, { id: userId ?? connection.userId }));
  };

  const update: Handler<'profile.update'> = async (body, { connection }) => {
    const avatar = body.avatar && { type: body.avatar.type, data: readAvatar(body.avatar) };
    await limits.take('profile_update', connection.userId);
    const changed = await store.updateProfile(gate, connection, { ...body, avatar });
    if (changed === undefined) throw new RequestError('unauthenticated');
    show(changed.shown);
    return shown(changed.profile);
  };

  const find: Handler<'user.find'> = async ({ username }, { connection }) => {
    await limits.take('lookup', connection.userId);
    return shown(await store.findProfile(gate, { username }));
  };

  return { 'profile.get': get, 'profile.update': update, 'user.find': find };
}

/** What a person is shown of another: exactly these fields. */
function shown(row: store.StoredProfile | undefined): { profile: Profile } {
  if (row === undefined) throw new RequestError('not_found');
  const { id, username, displayName, about, avatarType, avatar } = row;
  return {
    profile: {
      userId: id,
      username,
      displayName,
      ...(about !== '' && { about }),
      ...(avatar !== null &&
        isAvatarType(avatarType) && { avatar: { type: avatarType, data: avatar.toString('base64url') } }),
    },
  };
}

/** The first bytes of each type of picture, in hexadecimal; `.` stands for any. */
const beginnings: Record<Avatar['type'], RegExp> = {
  'image/png': /^89504e470d0a1a0a/,
  'image/jpeg': /^ffd8ff/,
  'image/webp': /^52494646.{8}57454250/,
};

/** Opaque bytes, but of the type they say: nobody's program is to meet something else than a picture there. */
function readAvatar({ type, data }: NonNullable<RequestBody<'profile.update'>['avatar']>): Buffer {
  const picture = Buffer.from(data, 'base64url');
  if (!beginnings[type].test(picture.subarray(0, 16).toString('hex'))) {
    throw new RequestError('bad_request', { message: `The picture is no ${type}.`, details: { field: 'avatar.data' } });
  }
  return picture;
}

function isAvatarType(text: string | null): text is Avatar['type'] {
  return text !== null && Object.hasOwn(beginnings, text);
}
