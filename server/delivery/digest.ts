import { hash } from 'node:crypto';
import type { RequestBody } from '../../protocol/index.ts';

/**
 * SHA-256, in base64, over what a sender gave with a client id: tells a retry from another content under the same id.
 * Every part is text without a line feed, so joining by line feeds keeps the parts apart.
 */
export function digestOf(body: RequestBody<'message.send'>): string {
  const { epoch, mls, content = '', wrap, search } = body;
  const rest = wrap === undefined && search === undefined ? '' : JSON.stringify([wrap, search]);
  return hash('sha256', `${epoch}\n${mls}\n${content}\n${rest}`, 'base64');
}
