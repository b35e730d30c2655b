// The tab that follows: it reads its own mirror of the leading tab's replica, and asks that tab for
// everything that needs the hub or the store.
//
// Own writes are laid over the mirror at once and handed to the leading tab, which adopts them. A
// write counts as confirmed when the leading tab's own rows name it; what is not confirmed when the
// lead changes hands is handed to the next one, under the same push id.

import { type PushId, pushIdToText } from "./delta.js";
import type { Environment } from "./environment.js";
import type { News } from "./news.js";
import { sortNames } from "./replica/event.js";
import { applyUnsaved, type Changed, withdrawPush } from "./replica/mirror.js";
import { discardUnsaved, encodePush, type Saved, type Unsaved } from "./replica/saved.js";
import type { Replica } from "./replica.js";
import type { Ask, Role } from "./role.js";
import { EphemeralError } from "./session/client/event.js";

/** What a follower is made of. */
export interface FollowOptions {
  readonly environment: Environment;
  readonly replica: Replica;
  /** Asks the leading tab. */
  readonly send: (ask: Ask) => void;
  /** Waits until the leading tab has kept everything. */
  readonly kept: () => Promise<void>;
  /** Tells this tab's listeners. */
  readonly tell: (news: News) => void;
  readonly isLive: () => boolean;
}

/** The role of a tab that follows. */
export class Follow implements Role {
  readonly replica: Replica;
  readonly #options: FollowOptions;
  /** Own writes that the leading tab has not shown yet. */
  readonly #unconfirmed = new Map<string, Saved>();

  constructor(options: FollowOptions) {
    this.#options = options;
    this.replica = options.replica;
  }

  /** Own writes that the leading tab may not know. */
  unconfirmed(): readonly Saved[] {
    return [...this.#unconfirmed.values()];
  }

  write(space: Parameters<Role["write"]>[0], ...rest: [Changes, Guards]): PushId {
    const [changes, guards] = rest;
    const { environment, send, tell } = this.#options;
    const { state } = this.replica;
    const id = this.replica.write(space, changes, guards, environment.now());
    const order = state.outbox.orderOf(id);
    const pending = order === undefined ? undefined : state.outbox.get(order);
    discardUnsaved(state);
    if (pending !== undefined) {
      const bytes = encodePush(pending);
      this.#unconfirmed.set(pushIdToText(id), bytes);
      send({ type: "push", bytes });
    }
    tell({ type: "changed", space, records: sortNames(changes) });
    tell({ type: "waiting", count: this.replica.outboxSize() });
    return id;
  }

  /** Hands an own write to the leading tab again: it may have died before it took it. */
  resend(id: PushId, bytes: Saved): void {
    this.#unconfirmed.set(pushIdToText(id), bytes);
    this.#options.send({ type: "push", bytes });
  }

  ask(ask: Ask): void {
    if (ask.type === "signal" && !this.#options.isLive()) {
      const text = "there is no connection to the hub now; signals reach only those who are there";
      throw new EphemeralError("offline", text);
    }
    if (ask.type === "open") {
      this.replica.open(ask.space, ask.filter);
      discardUnsaved(this.replica.state);
    }
    this.#options.send(ask);
  }

  async saved(): Promise<void> {
    await this.#options.kept();
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  /** Applies what the leading tab has new. */
  apply(unsaved: Unsaved): void {
    const changed = applyUnsaved(this.replica.state, unsaved);
    for (const { id } of unsaved.pushes) {
      this.#unconfirmed.delete(pushIdToText(id));
    }
    this.#tellChanged(changed);
  }

  /** Hears what the leading tab tells; what changed in the mirror it finds out by itself. */
  hear(news: News): void {
    if (news.type === "changed" || news.type === "waiting") {
      return;
    }
    if (news.type === "rejected") {
      this.#unconfirmed.delete(pushIdToText(news.push));
      this.#tellChanged(withdrawPush(this.replica.state, news.push));
    }
    if (news.type === "hub") {
      this.replica.state.limits = news.limits;
      this.replica.state.offsetMs = news.offsetMs;
    }
    this.#options.tell(news);
  }

  #tellChanged(changed: Changed): void {
    for (const [space, records] of changed) {
      this.#options.tell({ type: "changed", space, records });
    }
    this.#options.tell({ type: "waiting", count: this.replica.outboxSize() });
  }
}

type Changes = Parameters<Role["write"]>[1];
type Guards = Parameters<Role["write"]>[2];
