import type {
  Conversation,
  EventType,
  NotificationType,
  Reply,
  RequestInput,
  RequestType,
} from '../../protocol/index.ts';
import type { Wish } from '../agreements.ts';
import type { Clock } from '../clock.ts';
import type { WireEntry } from '../codec.ts';
import type { Greeting } from '../connection.ts';
import type { ClientEvents } from '../events.ts';
import type { NotificationInput } from '../requests.ts';
import type { SteadyWrite } from '../steady.ts';
import type { ClientStore } from '../store.ts';
import type { Turns } from '../turns.ts';

/** What the SDK lends to a codec that does more than translate. */
export interface CodecHost {
  readonly store: ClientStore;
  /** Repeats until it succeeded or the client is closed. */
  readonly write: SteadyWrite;
  /** Calls of the codec for one conversation run in its turn; so must everything else that moves its state. */
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  newId(): string;
  me(): { readonly userId: string; readonly deviceId: string };
  /** What the server said at hello of the present session. */
  greeting(): Greeting | undefined;
  request<Type extends RequestType>(type: Type, body: RequestInput<Type>): Promise<Reply<Type>>;
  notify<Type extends NotificationType>(type: Type, body: NotificationInput<Type>): boolean;
  on<Name extends EventType | 'connection'>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  /** A commit that is too large for a frame. */
  sendCommitOverHttp(conversationId: string, body: RequestInput<'commit.send'>): Promise<unknown>;
  /** A recovery blob that is too large for a frame. */
  putRecoveryOverHttp(body: RequestInput<'recovery.put'>): Promise<void>;
  getRecoveryOverHttp(): Promise<Reply<'recovery.get'>>;
  conversation(id: string): Conversation | undefined;
  conversations(): readonly Conversation[];
  /** An entry that came as the reply to a request of the codec. */
  arrived(entry: WireEntry): void;
  /** What the members of a conversation agreed on has changed. */
  agreed(conversationId: string, byDeviceId: string): void;
  /** A change of that which this device wanted was refused for good. */
  disagreed(conversationId: string, wanted: Wish, reason: unknown): void;
  /** Messages that waited may be encoded now. */
  pump(conversationId: string): void;
  onProblem(problem: unknown): void;
}
