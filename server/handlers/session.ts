import type { Clock } from '../clock.ts';
import type { Handlers } from './handler.ts';

export function sessionHandlers(clock: Clock): Pick<Handlers, 'ping'> {
  return { ping: () => ({ serverTime: new Date(clock.now()).toISOString() }) };
}
