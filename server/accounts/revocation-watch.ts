import { closeCodes, type RevocationReason, revocationReasons } from '../../protocol/codes.ts';
import { type Clock, repeat } from '../clock.ts';
import { endedSince } from '../store/audit.ts';
import type { Gate } from '../store/gate.ts';

/** A connection as this watch sees it. */
interface Live {
  readonly sessionId: string;
  close(code: number, reason: string): void;
}

const EVERY_MS = 1_000;
/** A transaction becomes visible later than the moment its rows are dated at; this is longer than any takes. */
const OVERLAP_MS = 10_000;

/**
 * Looks every second for sessions that ended, and closes their connections on this instance. Whoever ends one also says
 * so at once; but that word may be lost, or come from a program that isn't connected to this server at all.
 */
export function watchRevocations(options: {
  gate: Gate;
  clock: Clock;
  connections: () => Iterable<Live>;
  failed: (error: unknown) => void;
}): { stop(): void } {
  const { gate, clock, connections, failed } = options;
  let since: Date | undefined;

  async function look(): Promise<void> {
    const { ended, now } = await endedSince(gate, since);
    since = new Date(now.getTime() - OVERLAP_MS);
    if (ended.length === 0) return;
    const reasons = new Map(ended.map((session) => [session.sessionId, session.reason]));
    for (const connection of [...connections()]) {
      const reason = reasons.get(connection.sessionId);
      if (reason !== undefined) connection.close(...farewell(reason));
    }
  }

  // The first look only fixes the time: whoever says hello from now on is judged there.
  return { stop: repeat(clock, EVERY_MS, look, failed, 'at once') };
}

function farewell(reason: string): [number, string] {
  if (reason === 'suspended') return [closeCodes.account_suspended, 'account_suspended'];
  return [closeCodes.device_revoked, isRevocation(reason) ? reason : 'revoked'];
}

function isRevocation(text: string): text is RevocationReason {
  return revocationReasons.some((reason) => reason === text);
}
