import type { Clock } from '../delivery/clock.ts';
import type { Handlers } from './handler.ts';

export function sessionHandlers(clock: Clock): Pick<Handlers, 'ping'> {
  return { ping: () => ({ serverTime: new Date(clock.now()).toISOString() }) };
}
