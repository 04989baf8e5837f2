/** The way to Redis, whether one server or a Cluster: what `redis.ts` needs of it. */
export interface Link {
  /** False while messages may be getting lost. */
  readonly healthy: boolean;
  /** Settles when confirmed, or when messages may be getting lost; `events.healthy` then comes after it was done. */
  add(channel: string): Promise<void>;
  remove(channel: string): void;
  /** Publishes in order, never rejects; false for each item that may not have arrived. Settles within a second or two. */
  publish(items: readonly PublishItem[]): Promise<readonly boolean[]>;
  /** Not healthy until a heartbeat has come through again. */
  suspect(reason: string): void;
  close(): void;
}

export interface PublishItem {
  readonly channel: string;
  readonly payload: string;
}

export interface LinkEvents {
  message(channel: string, payload: string): void;
  /** From now on nothing is missed; whatever came before may have been. */
  healthy(): void;
  unhealthy(reason: string): void;
  lag(milliseconds: number): void;
  /** A connection failed; it is being retried. For the log. */
  fault(error: Error): void;
}

export interface LinkOptions {
  /** A channel for heartbeats of this instance is this and a number. */
  readonly beatPrefix: string;
  readonly beatEveryMs: number;
  readonly events: LinkEvents;
}
