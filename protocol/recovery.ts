import * as v from 'valibot';
import { request } from './define.ts';
import { bytes, exactBytes, version } from './scalars.ts';

/** The largest blob in a frame; above that it goes over HTTP. */
export const MAX_RECOVERY_FRAME_BYTES = 64 * 1024;
export const MAX_RECOVERY_BYTES = 1024 * 1024;

const blobOf = (max: number) => v.object({ version, blob: bytes(max), signature: exactBytes(64) });

/**
 * Keeps one opaque blob for a person who loses every device. `version` is the one before plus 1 (the first is 1);
 * `signature`: by the present account key over `recoveryBytes`.
 */
export const recoveryPut = request('recovery.put', blobOf(MAX_RECOVERY_FRAME_BYTES), v.object({}));

/** The blob as it was put, or nothing where there is none. One that is too large for a frame is `too_large` here. */
export const recoveryGet = request(
  'recovery.get',
  v.object({}),
  v.partial(v.object({ ...blobOf(MAX_RECOVERY_FRAME_BYTES).entries })),
);

/** The same over HTTP: the body of `POST /v1/account/recovery`, and the answer of `GET`. */
export const recoveryUpload = blobOf(MAX_RECOVERY_BYTES);
export const recoveryAnswer = v.partial(recoveryUpload);
