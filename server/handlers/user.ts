import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Gate } from '../store/gate.ts';
import { addBlock, removeBlock } from '../store/people.ts';
import type { Handler } from './handler.ts';

export function userHandlers({ gate, limits }: { gate: Gate; limits: Limits }) {
  const block: Handler<'user.block'> = async ({ userId }, { connection }) => {
    if (userId === connection.userId) {
      throw new RequestError('bad_request', { message: 'Nobody can block themselves.', details: { field: 'userId' } });
    }
    await limits.take('lookup', connection.userId);
    const state = await addBlock(gate, connection, userId);
    if (state !== 'blocked') throw new RequestError(state);
    return {};
  };

  const unblock: Handler<'user.unblock'> = async ({ userId }, { connection }) => {
    await limits.take('lookup', connection.userId);
    if (!(await removeBlock(gate, connection, userId))) throw new RequestError('unauthenticated');
    return {};
  };

  return { 'user.block': block, 'user.unblock': unblock };
}
