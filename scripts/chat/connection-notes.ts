import { closeCodes } from '../../protocol/codes.ts';
import type { ConnectionState } from './sdk.ts';
import type { Terminal } from './terminal.ts';

/** Says what becomes of the connection, without repeating itself. */
export function connectionNotes(terminal: Terminal): (state: ConnectionState) => void {
  let was: 'new' | 'up' | 'down' = 'new';
  return (state) => {
    if (state.is === 'ready') {
      if (was !== 'up') terminal.note(was === 'new' ? '— connected —' : '— connected again —');
      was = 'up';
    } else if (state.is === 'waiting') {
      if (was === 'up') terminal.note('— the connection broke; connecting again, what you write is kept —');
      if (was === 'new') terminal.note(`— no connection yet (${state.reason}); trying again —`);
      was = 'down';
    }
  };
}

/** Why this device may not connect, in words. */
export function refusalText({ code, reason }: Extract<ConnectionState, { is: 'refused' }>['refusal']): string {
  switch (code) {
    case closeCodes.displaced:
      return 'This device is connected from another place. Start again to take over.';
    case closeCodes.account_suspended:
      return 'This account is suspended.';
    case closeCodes.protocol_unsupported:
      return 'This program is too old or too new for the server.';
    case closeCodes.device_revoked:
    case closeCodes.token_invalid:
    case 'token_invalid':
    case 'token_reuse':
    case 'unauthenticated':
      return `Your session has ended (${reason}). Start again to log in.`;
    default:
      return `The server refused the connection: ${reason} (${code}).`;
  }
}

const endings: readonly (number | string)[] = [
  closeCodes.device_revoked,
  closeCodes.token_invalid,
  'token_invalid',
  'token_reuse',
];

/** True when only a new login helps. */
export const sessionEnded = (code: number | string): boolean => endings.includes(code);
