import { RequestError } from '../errors.ts';
import { MlsError } from '../mls/mls-error.ts';

/** Runs a check of an MLS object in a request's field; what it refuses is told with its reason. */
export function checked<T>(field: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    throw new RequestError('bad_request', { message: error.message, details: { field, reason: error.reason } });
  }
}
