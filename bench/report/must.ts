import type { Aim, Outcome } from '../must/aims.ts';
import type { Cell } from './table.ts';

export const mustHead = ['target', 'measured', 'must', 'hope', '', 'on', 'commit'] as const;

export function mustRow(aim: Pick<Aim, 'what' | 'must' | 'hope'>, outcome: Outcome): Cell[] {
  const { figure, verdict, objections, at, commit } = outcome;
  const why = objections.length === 0 ? '' : `: ${objections.join('; ')}`;
  return [aim.what, figure, aim.must, aim.hope, verdict + why, at.slice(0, 16).replace('T', ' '), commit];
}
