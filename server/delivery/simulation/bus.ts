import { type Bus, type BusListener, type BusMessage, withoutHeavyContent } from '../../bus/bus.ts';
import type { World } from './world.ts';

/** The bus between simulated instances: loses, delays and reorders, and instances lose their way to it. */
export class SimulatedBus {
  readonly #world: World;
  readonly #ends = new Set<BusEnd>();

  constructor(world: World) {
    this.#world = world;
  }

  join(alive: () => boolean): BusEnd {
    const end = new BusEnd(this, this.#world, alive);
    this.#ends.add(end);
    return end;
  }

  carry(from: BusEnd, userId: string, message: BusMessage): void {
    for (const end of this.#ends) {
      if (!end.alive()) this.#ends.delete(end);
      // Whoever lost its way to the bus misses it, and the one who publishes doesn't learn that.
      if (end === from || !end.alive() || this.#world.random.chance(this.#world.weather.busLoss)) continue;
      this.#world.time.after(this.#world.random.delay(5, 200), () => end.receive(userId, message));
    }
  }
}

export class BusEnd implements Bus {
  readonly #bus: SimulatedBus;
  readonly #world: World;
  readonly alive: () => boolean;
  readonly #users = new Map<string, number>();
  readonly #kept = new Map<string, { userId: string; message: BusMessage }>();
  #listener: BusListener | undefined;
  #away = false;
  doubtful = false;
  readonly publishing = 0;

  constructor(bus: SimulatedBus, world: World, alive: () => boolean) {
    this.#bus = bus;
    this.#world = world;
    this.alive = alive;
  }

  /** This instance loses or finds its way to the bus, and notices after a while. */
  set away(away: boolean) {
    if (away === this.#away) return;
    this.#away = away;
    this.#world.time.after(this.#world.random.int(0, 300), () => {
      // However short it was: coming back is always noticed.
      if (this.alive() && away === this.#away) this.#noticed(away);
    });
  }

  async subscribe(userId: string): Promise<void> {
    // Confirmed after a while: until then nothing published need arrive.
    if (!this.#away) await this.#world.time.wait(this.#world.random.delay(3, 60));
    this.#users.set(userId, (this.#users.get(userId) ?? 0) + 1);
  }

  unsubscribe(userId: string): void {
    const count = this.#users.get(userId) ?? 0;
    if (count > 1) this.#users.set(userId, count - 1);
    else this.#users.delete(userId);
  }

  publish(userIds: readonly string[], given: BusMessage): void {
    const message = withoutHeavyContent(given, userIds.length);
    for (const userId of userIds) {
      // It leaves in a later turn: an instance that is killed in between never says it.
      this.#world.time.after(this.#world.random.int(0, 2), () => {
        if (!this.alive()) return;
        if (this.#away) this.#keep(userId, message);
        else this.#bus.carry(this, userId, message);
      });
    }
  }

  receive(userId: string, message: BusMessage): void {
    if (this.alive() && !this.#away && this.#users.has(userId)) this.#listener?.message(userId, message);
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #noticed(away: boolean): void {
    this.doubtful = away;
    if (!away) {
      for (const { userId, message } of this.#kept.values()) this.publish([userId], message);
      this.#kept.clear();
    }
    this.#listener?.doubt();
  }

  #keep(userId: string, message: BusMessage): void {
    if (message.class !== 'durable') return;
    const kept = this.#kept.get(userId + message.conversationId);
    if (kept?.message.class === 'durable' && kept.message.seq > message.seq) return;
    this.#kept.set(userId + message.conversationId, { userId, message: { ...message, frame: undefined } });
  }
}
