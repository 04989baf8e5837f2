import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Random } from '../../server/delivery/simulation/random.ts';
import type { Person } from '../testing/fleet.ts';

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly code?: string;
  readonly body?: { readonly conversationId?: string; readonly seq?: number; readonly clientId?: string };
}

/** What the SDK's plain codec would send. */
const HELLO = Buffer.from(JSON.stringify({ type: 'text', text: 'raw' })).toString('base64url');

/**
 * A device without the SDK, which would hide what the server does twice: sends without waiting and never again, and
 * notes what came on each connection.
 */
export interface RawDevice {
  readonly person: Person;
  /** Client ids by conversation and seq, as entries or acknowledgements told them. */
  readonly held: Map<string, Map<number, string>>;
  readonly acknowledged: Map<string, number>;
  /** How many of its sends were refused with `unavailable`: nobody knows what became of them. */
  readonly unavailable: number;
  readonly surprises: string[];
  send(conversationId: string): void;
  nudge(): void;
  close(): void;
}

export function startRawDevice(person: Person, addresses: readonly string[], random: Random): RawDevice {
  const held = new Map<string, Map<number, string>>();
  const acknowledged = new Map<string, number>();
  const heads = new Map<string, number>();
  const surprises: string[] = [];
  let socket: WebSocket | undefined;
  let ready = false;
  let unavailable = 0;
  let closed = false;
  let ask: (type: string, body: object) => number = () => 0;
  let retry: NodeJS.Timeout | undefined;
  /** Of the present connection. */
  let asked = new Map<number, { conversationId: string; clientId: string }>();

  function hold(conversationId: string, seq: number, clientId: string): void {
    const entries = held.get(conversationId) ?? new Map<number, string>();
    held.set(conversationId, entries);
    if ((entries.get(seq) ?? clientId) !== clientId)
      surprises.push(`entry ${seq} was ${entries.get(seq)}, is ${clientId}`);
    entries.set(seq, clientId);
    let head = heads.get(conversationId) ?? 0;
    while (entries.has(head + 1)) head += 1;
    heads.set(conversationId, head);
    // Often enough for the server never to wait for it.
    if (ready && seq % 8 === 0) socket?.send(JSON.stringify({ type: 'ack', body: { conversationId, seq: head } }));
  }

  function connect(): void {
    const mine = new WebSocket(`${random.pick(addresses).replace('http', 'ws')}/v1/socket`, {
      handshakeTimeout: 5_000,
    });
    socket = mine;
    ready = false;
    asked = new Map();
    let id = 0;
    const events = new Map<string, number>();
    const replies = new Map<string, number>();
    ask = (type, body) => {
      mine.send(JSON.stringify({ id: ++id, type, body }));
      return id;
    };
    mine.on('open', () => ask('hello', { token: person.accessToken }));
    mine.on('message', (data) => take(JSON.parse(String(data))));
    mine.on('error', () => undefined);
    mine.on('close', () => {
      ready = false;
      if (!closed) retry = setTimeout(connect, random.int(50, 500));
    });

    function take({ type, id: answers, code, body }: Frame): void {
      if (answers === 1) {
        ready = type === 'reply';
        if (!ready) mine.close();
        return;
      }
      const { conversationId = '', seq = 0, clientId = '' } = body ?? {};
      if (type === 'message.new') {
        const last = events.get(conversationId) ?? 0;
        if (seq <= last) surprises.push(`entry ${seq} came after ${last} on one connection`);
        if (seq > 1 && held.get(conversationId)?.has(seq - 1) !== true)
          surprises.push(`entry ${seq} came before ${seq - 1}`);
        events.set(conversationId, seq);
        hold(conversationId, seq, clientId);
      } else if (type === 'error') {
        if (code === 'unavailable') unavailable += 1;
        // The only other honest one: more than 64 wait for a database that hangs.
        else if (code !== 'rate_limited') surprises.push(`a send was refused with ${code}`);
      } else if (type === 'reply' && answers !== undefined) {
        const send = asked.get(answers);
        if (send === undefined) return;
        const last = replies.get(send.conversationId) ?? 0;
        if (seq <= last) surprises.push(`a send was stored as ${seq}, the one before it as ${last}`);
        replies.set(send.conversationId, seq);
        acknowledged.set(send.clientId, seq);
        hold(send.conversationId, seq, send.clientId);
      }
    }
  }

  connect();
  return {
    person,
    held,
    acknowledged,
    get unavailable() {
      return unavailable;
    },
    surprises,
    send(conversationId) {
      if (!ready) return;
      const clientId = randomUUID();
      asked.set(ask('message.send', { conversationId, clientId, epoch: 0, mls: HELLO }), { conversationId, clientId });
    },
    nudge() {
      if (retry === undefined || socket?.readyState === WebSocket.OPEN) return;
      if (socket?.readyState === WebSocket.CLOSED) {
        clearTimeout(retry);
        connect();
      }
    },
    close() {
      closed = true;
      clearTimeout(retry);
      socket?.terminate();
    },
  };
}
