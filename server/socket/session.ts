import { type CloseName, closeCodes } from '../../protocol/codes.ts';
import {
  MAX_CONTENT_BYTES,
  MAX_FRAME_BYTES,
  MAX_IN_FLIGHT,
  PING_EVERY_MS,
  WINDOW_BYTES,
  WINDOW_ENTRIES,
} from '../../protocol/scalars.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { eventFrame, replyFrame } from '../delivery/frames.ts';
import { isHere } from '../delivery/hub.ts';
import { Writer } from '../delivery/writer.ts';
import { RequestError } from '../errors.ts';
import { Raw } from '../handlers/handler.ts';
import { Budget } from '../limits/bucket.ts';
import type { Socket, SocketHandler } from '../listen/transport.ts';
import type { HelloState, Identity } from '../store/store.ts';
import { dispatch, type Result } from './dispatch.ts';
import { errorFrame } from './error-frame.ts';
import type { Lobby } from './lobby.ts';
import { Member } from './member.ts';
import { parseFrame } from './parse.ts';

const HELLO_BYTES = 8 * 1024;
/** Frames behind a hello that is not answered yet; HELLO_BYTES of them at most. */
const MAX_EARLY = 64;
const HELLO_MS = 5_000;
const IDLE_MS = PING_EVERY_MS * 2.5;
const WARN_MS = 60_000;
/** Whoever still speaks then has what was written right behind hello's reply. */
const TOLD_MS = 10_000;

export const limits = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxInFlight: MAX_IN_FLIGHT,
  windowEntries: WINDOW_ENTRIES,
  windowBytes: WINDOW_BYTES,
  pingEveryMs: PING_EVERY_MS,
  maxContentBytes: MAX_CONTENT_BYTES,
};

/** An access token's holder, for as long as the token lives. */
export interface Ticket extends Identity {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What came behind a hello before its reply: it is handled after that, in order. */
interface Early {
  readonly frames: { readonly text: string; readonly bytes: number }[];
  bytes: number;
}

type State =
  | { readonly name: 'greeting'; readonly until: number }
  | { readonly name: 'checking'; readonly early: Early }
  | { readonly name: 'entering'; readonly early: Early; readonly sessionId: string }
  | {
      readonly name: 'ready';
      readonly member: Member;
      readonly since: number;
      heardAt: number;
      expiresAt: number;
      warned: boolean;
    }
  | { readonly name: 'closed' };

/** One connection: its state, its budgets, and the only place that writes to it or closes it. */
export class Session implements SocketHandler {
  readonly #socket: Socket;
  readonly #lobby: Lobby;
  readonly #writer: Writer;
  #state: State;
  #inFlight: Set<number> | undefined;
  #budget: Budget | undefined;
  #member: Member | undefined;

  constructor(socket: Socket, lobby: Lobby) {
    this.#socket = socket;
    this.#lobby = lobby;
    this.#writer = new Writer(socket, lobby.flusher, this);
    this.#state = { name: 'greeting', until: lobby.clock.now() + HELLO_MS };
  }

  message(text: string | null, bytes: number): void {
    switch (this.#state.name) {
      case 'closed':
        return;
      case 'greeting':
        if (text === null || bytes > HELLO_BYTES) return this.#close('protocol_error', 'hello expected');
        return this.#greet(text);
      case 'checking':
      case 'entering':
        return this.#keep(this.#state.early, text, bytes);
      case 'ready':
        if (text === null) return this.#close('protocol_error', 'text frames only');
        this.#state.heardAt = this.#lobby.clock.now();
        if (this.#state.heardAt - this.#state.since >= TOLD_MS) this.#state.member.heard = true;
        return this.#receive(this.#state.member, text, bytes);
    }
  }

  drain(): void {
    this.#writer.drained();
    this.#member?.outbox.drained();
  }

  close(code: number): void {
    this.#lobby.metrics.closed(code);
    this.#leave();
  }

  /** Called about once a second: deadlines that traffic must not extend, silence, and the token's end. */
  tick(now: number): void {
    const state = this.#state;
    if (state.name === 'greeting' && now >= state.until) this.#close('hello_timeout');
    if (state.name !== 'ready') return;
    // Most connections are idle, and there are very many: they keep nothing that can be made again.
    if (this.#inFlight?.size === 0) this.#inFlight = undefined;
    if (this.#budget?.isWhole(now) === true) this.#budget = undefined;
    if (now - state.heardAt > IDLE_MS) return this.#close('idle');
    if (now >= state.expiresAt) return this.#close('token_invalid', 'expired');
    if (!state.warned && now >= state.expiresAt - WARN_MS) {
      state.warned = true;
      this.#writer.write(eventFrame('session.expiring', { expiresAt: new Date(state.expiresAt).toISOString() }));
    }
  }

  /** Announces the end of the server's service; the close follows. */
  announceEnd(reason: string, reconnectAfterMs: number): void {
    if (this.#state.name === 'ready') this.#writer.write(eventFrame('session.ending', { reason, reconnectAfterMs }));
  }

  /** The socket or the outbox can't take what is to be written. */
  overflow(): void {
    this.#close('too_slow');
  }

  /** Ends the connection with a close code of the contract. */
  end(name: CloseName, reason?: string): void {
    this.#close(name, reason);
  }

  get ready(): boolean {
    return this.#state.name === 'ready';
  }

  get requestsInFlight(): number {
    return this.#inFlight?.size ?? 0;
  }

  #greet(text: string): void {
    const frame = parseFrame(text);
    if (frame.kind !== 'request' || frame.type !== 'hello') return this.#close('protocol_error', 'hello expected');
    const { id } = frame;
    const hello = this.#lobby.readHello(frame.body);
    if (hello instanceof RequestError) {
      this.#writer.write(errorFrame(id, hello));
      return this.#close('protocol_error', 'hello not well formed');
    }
    const early: Early = { frames: [], bytes: 0 };
    this.#state = { name: 'checking', early };
    this.#enter(id, hello.token, hello.client, early).catch((error: unknown) => {
      if (this.#state.name === 'closed') return;
      this.#writer.write(errorFrame(id, this.#lobby.explain(error, 'hello')));
      this.#close('internal');
    });
  }

  #keep(early: Early, text: string | null, bytes: number): void {
    early.bytes += bytes;
    if (text === null || early.frames.length >= MAX_EARLY || early.bytes > HELLO_BYTES)
      return this.#close('protocol_error', 'wait for the reply to hello');
    early.frames.push({ text, bytes });
  }

  async #enter(id: number, token: string, client: string | undefined, early: Early): Promise<void> {
    const lobby = this.#lobby;
    const ticket = await lobby.verifyToken(token);
    if (this.#closed()) return;
    if (ticket === undefined) return this.#refuse(id);
    // The token is ours: whoever holds it is no stranger any more, and makes room for the next one.
    lobby.known(this);
    // By session, not by device: a token of one that has ended must not stand in the way of the one that lives.
    const { sessionId } = ticket;
    this.#state = { name: 'entering', early, sessionId };
    const turn = await lobby.turns.take(sessionId, this);
    if (turn === 'replaced') return this.#close('displaced');
    // Its device has long given it up: let in now, it would displace the connection that came after it.
    if (turn === 'late') return this.#close('hello_timeout', 'no turn within the time that clients wait');
    if (turn === 'left') return;
    try {
      if (this.#closed()) return;
      await this.#join(id, ticket, client);
      for (const { text, bytes } of early.frames) this.message(text, bytes);
    } finally {
      lobby.turns.end(sessionId);
    }
  }

  async #join(id: number, ticket: Ticket, client: string | undefined): Promise<void> {
    const lobby = this.#lobby;
    const member = new Member(ticket, this, lobby, this.#writer);
    this.#member = member;
    // Subscribe first, look second: whatever is published in between reaches the outbox, which waits for its positions.
    await lobby.hub.add(member);
    // A number given to a connection that is gone would displace the one that came after it.
    if (this.#closed()) return;
    const { state, connectionNo, lastSeenAt } = await lobby.connections.hello(ticket);
    if (this.#closed()) return;
    if (state !== 'valid') return this.#refuse(id, state);
    member.connectionNo = connectionNo;
    if (member.newestNo > connectionNo) return this.#close('displaced');
    lobby.hub.displace(ticket.userId, ticket.deviceId, connectionNo);
    const [positions, changes, accountKeyHead] = await Promise.all([
      lobby.connections.positions(ticket),
      lobby.changesSince(ticket.userId, lastSeenAt),
      lobby.accountKeyHead(ticket.userId),
    ]);
    if (this.#closed()) return;
    const now = lobby.clock.now();
    this.#state = { name: 'ready', member, since: now, heardAt: now, expiresAt: ticket.expiresAt, warned: false };
    lobby.metrics.entered();
    // Not the member's own logger: making one costs more than this line is worth in a storm.
    lobby.log.debug({ userId: ticket.userId, deviceId: ticket.deviceId, client, connectionNo }, 'connected');
    this.#writer.write(
      replyFrame(id, {
        userId: ticket.userId,
        deviceId: ticket.deviceId,
        protocol: PROTOCOL_VERSION,
        serverTime: new Date(now).toISOString(),
        logId: lobby.logId(),
        limits,
        accountKeyHead,
      }),
    );
    for (const conversation of changes.conversations) {
      this.#writer.write(eventFrame('conversation.changed', { conversation }));
    }
    member.resync = changes.resync;
    member.outbox.start(positions);
    lobby.welcomed(member, (frame) => this.#writer.write(frame));
  }

  #refuse(id: number, state: HelloState = 'unknown'): void {
    this.#writer.write(errorFrame(id, new RequestError('unauthenticated')));
    if (state === 'suspended') this.#close('account_suspended');
    else if (state === 'unknown' || state === 'deleted') this.#close('token_invalid');
    else if (state !== 'valid') this.#close('device_revoked', state);
  }

  #receive(member: Member, text: string, bytes: number): void {
    // Before anything is made of it, also of one that is too large: reading is what costs.
    const refused = this.#spend(bytes);
    const frame = parseFrame(text);
    switch (frame.kind) {
      case 'malformed':
        return this.#close('protocol_error', frame.reason);
      case 'notification':
        if (bytes > MAX_FRAME_BYTES) return this.#close('protocol_error', 'frame too large');
        // Nothing can be answered to it, and what is not taken may be an acknowledgement: the client starts over.
        if (refused !== undefined) return this.#close('too_slow', 'too many frames');
        if (!this.#lobby.notify(frame.type, frame.body, member))
          this.#close('protocol_error', `bad ${frame.type.slice(0, 32)}`);
        return;
      case 'request': {
        const { id, type } = frame;
        this.#inFlight ??= new Set();
        if (this.#inFlight.has(id)) return this.#close('protocol_error', 'id already in flight');
        if (bytes > MAX_FRAME_BYTES) return this.#writer.write(errorFrame(id, new RequestError('too_large')));
        if (this.#inFlight.size >= MAX_IN_FLIGHT) {
          return this.#writer.write(
            errorFrame(id, new RequestError('rate_limited', { retryAfterMs: 100, details: { bucket: 'in_flight' } })),
          );
        }
        if (refused !== undefined) return this.#writer.write(errorFrame(id, refused));
        this.#inFlight.add(id);
        this.#lobby.metrics.started(type);
        dispatch(this.#lobby, type, frame.body, member, {
          renew: (ticket) => this.#renew(ticket),
          finish: (result) => this.#answer(id, type, result),
        });
      }
    }
  }

  #spend(bytes: number): RequestError | undefined {
    const now = this.#lobby.clock.now();
    this.#budget ??= new Budget(now);
    return this.#budget.spend(bytes, now);
  }

  #answer(id: number, type: string, result: Result): void {
    this.#inFlight?.delete(id);
    this.#lobby.metrics.answered(type, result instanceof RequestError ? result.code : 'ok');
    if (this.#state.name === 'closed') return;
    if (result instanceof RequestError) this.#writer.write(errorFrame(id, result));
    else if (result instanceof Raw) this.#writer.write(`{"type":"reply","id":${id},"body":${result.json}}`);
    else this.#writer.write(replyFrame(id, result));
  }

  #renew(ticket: Ticket): boolean {
    const state = this.#state;
    if (state.name !== 'ready' || ticket.sessionId !== state.member.sessionId) return false;
    state.expiresAt = ticket.expiresAt;
    state.warned = false;
    return true;
  }

  #closed(): boolean {
    return this.#state.name === 'closed';
  }

  #close(name: CloseName, reason?: string): void {
    this.closeWith(closeCodes[name], reason ?? name);
  }

  closeWith(code: number, reason: string): void {
    if (this.#closed()) return;
    // What was answered before must leave before the close frame does.
    this.#writer.flush();
    this.#leave();
    this.#socket.end(code, reason);
  }

  #leave(): void {
    const state = this.#state;
    if (state.name === 'closed') return;
    this.#state = { name: 'closed' };
    if (state.name === 'entering') this.#lobby.turns.giveUp(state.sessionId, this);
    if (state.name === 'ready' && isHere(state.member)) this.#lobby.seen(state.member.deviceId);
    this.#lobby.leave(this);
    if (this.#member === undefined) return;
    this.#member.outbox.close();
    this.#lobby.hub.remove(this.#member);
  }
}
