import type { Aim, Outcome } from '../must/aims.ts';
import type { Cell } from './table.ts';

export const mustHead = ['target', 'measured', 'must', 'hope', '', 'on', 'commit'] as const;

/** One target, what was measured, and the figures of the tries before it that were no result. */
export type MustRow = Pick<Aim, 'what' | 'must' | 'hope'> &
  Omit<Outcome, 'unquiet'> & { readonly before?: readonly string[] | undefined };

export function mustRow({ what, must, hope, figure, verdict, objections, before = [], at, commit }: MustRow): Cell[] {
  const why = objections.length === 0 ? '' : `: ${objections.join('; ')}`;
  const tries = before.length === 0 ? '' : `; before it, no result: ${before.join(', ')}`;
  return [what, figure, must, hope, verdict + why + tries, at.slice(0, 16).replace('T', ' '), commit];
}
