import type { AccountDeps } from '../accounts/deps.ts';
import type { Route } from '../listen/transport.ts';

/** `/v1/account/...` of the public port. */
export function accountRoutes(_deps: AccountDeps): Route[] {
  return [];
}
