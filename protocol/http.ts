import * as v from 'valibot';
import { errorCode } from './codes.ts';
import { deviceName } from './device.ts';
import { displayName, duration, email, noNull, timestamp, token, username, uuid } from './scalars.ts';

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** A password someone chooses: 10 characters at least, 72 bytes at most (bcrypt reads no further). */
export const newPassword = v.pipe(
  v.string(),
  v.minLength(10, 'must be at least 10 characters'),
  v.check((text) => byteLength(text) <= 72, 'must be at most 72 bytes'),
  noNull,
);

/** A password someone claims to have; only bounded, so that a refusal says nothing about the rules it was made under. */
export const password = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));

export const errorAnswer = v.object({
  error: v.object({
    code: errorCode,
    message: v.string(),
    retryAfterMs: v.optional(duration),
    details: v.optional(v.record(v.string(), v.unknown())),
  }),
});

export const register = v.object({ username, email, password: newPassword, displayName: v.optional(displayName) });
export const registerAnswer = v.object({ status: v.literal('verification_sent') });

export const verifyEmail = v.object({ token });
export const emailOnly = v.object({ email });
export const resetPassword = v.object({ token, password: newPassword });

export const login = v.object({
  /** A username or an e-mail address. */
  login: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(254), v.toLowerCase(), noNull),
  password,
  device: v.object({
    name: deviceName,
    /** A device this was before; honoured only together with its refresh token. */
    id: v.optional(uuid),
    refreshToken: v.optional(token),
  }),
});

/** The answer of login and refresh. */
export const tokens = v.object({
  userId: uuid,
  deviceId: uuid,
  accessToken: token,
  accessTokenExpiresAt: timestamp,
  refreshToken: token,
});

export const refresh = v.object({ refreshToken: token });

export const changePassword = v.object({ password, newPassword });
export const changeEmail = v.object({ password, email });
export const changeUsername = v.object({ password, username });
export const deleteAccount = v.object({ password });

export type Tokens = v.InferOutput<typeof tokens>;
