// One client of one tab: its role among the tabs, what it wants, and who listens.
//
// The handles hold on to this; roles come and go beneath it. What the app wants (open spaces, shown
// presences, unanswered writes) is remembered here, and handed to each new role.

import type { Change } from "./delta.js";
import type { Environment } from "./environment.js";
import { FILTER_ALL, type Filter } from "./filter.js";
import { Follow } from "./follow.js";
import type { Guard } from "./guard.js";
import { Lead } from "./lead.js";
import { type DeviceId, idOf, type ReplicaId, replicaIdOf, type SpaceName } from "./name.js";
import type { News } from "./news.js";
import { createStore, type Loaded, type Store } from "./persist.js";
import { adopt, applyUnsaved, differences } from "./replica/mirror.js";
import {
  decodePush,
  discardUnsaved,
  restorePush,
  restoreRecord,
  restoreSpace,
  restoreState,
  type Unsaved,
} from "./replica/saved.js";
import { createReplica, type Replica, replicaOver } from "./replica.js";
import type { Ask, Role } from "./role.js";
import type { Identity } from "./session/client/event.js";
import type { Address } from "./socket.js";
import { type LeadState, Tabs } from "./tabs.js";
import { type Ack, Topics } from "./topics.js";
import type { Value } from "./value.js";

/** What a core is made of. */
export interface CoreOptions {
  readonly environment: Environment;
  readonly address: Address;
  readonly identity: Identity;
  readonly getToken: (() => string | Promise<string>) | undefined;
  /** The name under which copies are kept and tabs find each other; none for memory alone. */
  readonly name: string | undefined;
}

/** A write on its way. To drop it loses nothing: the write goes its way all the same. */
export interface Write {
  /** The push that carries it, as text. */
  readonly id: string;
  /** When it is kept on this device, where it survives a reload; at once without a store. */
  readonly whenSaved: Promise<void>;
  /** When the hub has it on its disk; fails with `AckError` when the hub refuses it. */
  readonly whenAcked: Promise<Ack>;
}

/** The client is closed. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";

  constructor() {
    super("the client is closed; connect again");
  }
}

export class Core {
  readonly topics = new Topics();
  readonly #options: CoreOptions;
  /** This tab's own replica id: drawn anew each time, so that no two copies stamp as one. */
  readonly #id: ReplicaId;
  readonly #wants = new Map<SpaceName, Filter>();
  readonly #presences = new Map<SpaceName, Value>();
  /** The tabs that follow this one, by the spaces that they want. */
  readonly #wantedBy = new Map<SpaceName, Set<string>>();
  readonly #unwatch: () => void;
  #tabs: Tabs | undefined;
  #role: Role | undefined;
  #isClosed = false;
  /** Until a role is found, what the app reads is empty. */
  readonly #blank: Replica;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#id = replicaIdOf(options.environment.random());
    this.#blank = createReplica(this.#id, this.#device());
    this.#unwatch = options.environment.watch((what) => this.#happened(what));
  }

  /** Finds a role: leads when nobody else does, or follows. */
  async begin(): Promise<void> {
    const { environment, name } = this.#options;
    const { locks, openChannel } = environment;
    if (name === undefined || locks === undefined || openChannel === undefined) {
      await this.#lead();
      return;
    }
    const names = { name: `syncline ${name}`, tab: this.#id };
    this.#tabs = new Tabs(environment, openChannel(names.name), locks, names, {
      lead: () => this.#lead(),
      follow: (state) => this.#follow(state),
      rows: (rows) => this.#mirror(rows),
      news: (news) => this.#following()?.hear(news),
      state: () => this.#leadState(),
      asked: (ask, from) => this.#asked(ask, from),
      keep: async () => await this.#role?.saved(),
    });
    await this.#tabs.begin();
  }

  /** What the app reads. */
  replica(): Replica {
    return this.#role?.replica ?? this.#blank;
  }

  open(space: SpaceName, filter: Filter): void {
    this.#check();
    this.#wants.set(space, filter);
    this.#role?.ask({ type: "open", space, filter });
  }

  close(space: SpaceName): void {
    this.#wants.delete(space);
    this.#presences.delete(space);
    if (!this.#isWantedElsewhere(space)) {
      this.#role?.ask({ type: "close", space });
    }
  }

  forget(space: SpaceName): void {
    this.#role?.ask({ type: "forget", space });
    this.#forgotten(space);
  }

  write(space: SpaceName, changes: readonly Change[], guards: readonly Guard[]): Write {
    this.#check();
    const role = this.#role;
    if (role === undefined) {
      throw new ClosedError();
    }
    const push = role.write(space, changes, guards);
    const whenAcked = this.topics.acked(push);
    const whenSaved = role.saved();
    whenSaved.catch(() => undefined);
    return { id: `${push.replica}#${push.counter}`, whenSaved, whenAcked };
  }

  presence(space: SpaceName, value: Value | undefined): void {
    this.#check();
    this.#role?.ask({ type: "presence", space, value });
    if (value === undefined) {
      this.#presences.delete(space);
    } else {
      this.#presences.set(space, value);
    }
  }

  ask(ask: Ask): void {
    this.#check();
    this.#role?.ask(ask);
  }

  async saved(): Promise<void> {
    await this.#role?.saved();
  }

  /** Whether this tab keeps the connection. */
  leads(): boolean {
    return this.#role instanceof Lead;
  }

  async end(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#unwatch();
    if (this.#following() !== undefined) {
      for (const space of this.#wants.keys()) {
        this.#role?.ask({ type: "close", space });
      }
    }
    await this.#role?.end();
    this.#tabs?.end();
    this.topics.end();
  }

  #check(): void {
    if (this.#isClosed) {
      throw new ClosedError();
    }
  }

  #device(): DeviceId {
    return idOf(this.#options.environment.random()) as DeviceId;
  }

  /** Leads: with what the store holds, and what this tab knows beyond it. */
  async #lead(): Promise<void> {
    const { environment, address, identity, getToken } = this.#options;
    const { store, loaded } = await this.#openStore();
    const before = this.#role;
    const replica = this.#replicaOf(loaded, before?.replica);
    const lead = new Lead({
      environment,
      address,
      identity,
      getToken,
      replica,
      store,
      tell: (news) => this.#tell(news),
      replicate: this.#tabs === undefined ? undefined : (rows) => this.#tabs?.spread({ rows }),
    });
    this.#take(lead);
    lead.begin();
  }

  /** A store that cannot be opened is told and done without. */
  async #openStore(): Promise<{ store: Store | undefined; loaded: Loaded | undefined }> {
    const { environment, name } = this.#options;
    if (name === undefined || environment.indexedDB === undefined) {
      return { store: undefined, loaded: undefined };
    }
    const store = createStore(environment.indexedDB, `syncline ${name}`);
    try {
      return { store, loaded: await store.open(this.#device()) };
    } catch (error) {
      queueMicrotask(() => this.#tell({ type: "store_lost", reason: String(error) }));
      return { store: undefined, loaded: undefined };
    }
  }

  /** The replica that leads: of the store, or of what this tab mirrored where there is none. */
  #replicaOf(loaded: Loaded | undefined, mirrored: Replica | undefined): Replica {
    if (loaded === undefined) {
      mirrored?.disconnected();
      return mirrored ?? this.#blank;
    }
    const state = restoreState(this.#id, loaded.device, loaded.clock);
    for (const bytes of loaded.spaces) {
      restoreSpace(state, bytes);
    }
    for (const bytes of loaded.records) {
      restoreRecord(state, bytes);
    }
    const replica = replicaOver(state);
    for (const { order, bytes } of loaded.pushes) {
      // A tab that does not own the store keeps its pushes there, but not the spaces it opened.
      const { space } = decodePush(bytes).push;
      if (!state.spaces.has(space)) {
        replica.open(space, FILTER_ALL);
      }
      restorePush(state, order, bytes);
    }
    for (const [space, filter] of this.#wants) {
      replica.open(space, filter);
    }
    state.counter = Math.max(state.counter, mirrored?.state.counter ?? 0);
    for (const [, pending] of mirrored?.state.outbox.entries() ?? []) {
      for (const event of adopt(state, pending)) {
        queueMicrotask(() => this.#tell(event));
      }
    }
    return replica;
  }

  /** Follows: mirrors what the leading tab holds, with own writes that it may not know on top. */
  #follow({ device, rows, news, limits, offsetMs }: LeadState): void {
    const { environment } = this.#options;
    const unconfirmed = this.#following()?.unconfirmed() ?? [];
    const state = restoreState(this.#id, device, undefined);
    state.counter = this.replica().state.counter;
    state.limits = limits;
    state.offsetMs = offsetMs;
    applyUnsaved(state, rows);
    const replica = replicaOver(state);
    const follow = new Follow({
      environment,
      replica,
      send: (ask) => this.#tabs?.ask(ask),
      kept: async () => await this.#tabs?.keep(),
      tell: (told) => this.topics.tell(told),
      isLive: () => this.topics.connection().type === "live",
    });
    this.#take(follow);
    for (const bytes of unconfirmed) {
      const pending = decodePush(bytes);
      if (state.outbox.orderOf(pending.push.id) === undefined) {
        adopt(state, pending);
        follow.resend(pending.push.id, bytes);
      }
    }
    discardUnsaved(state);
    for (const told of news) {
      this.topics.tell(told);
    }
  }

  /** Puts a role in the place of the last one, and tells what reads differently. */
  #take(role: Role): void {
    const before = this.replica();
    this.#role = role;
    for (const [space, filter] of this.#wants) {
      role.ask({ type: "open", space, filter });
    }
    for (const [space, value] of this.#presences) {
      role.ask({ type: "presence", space, value });
    }
    this.topics.tell({ type: "waiting", count: role.replica.outboxSize() });
    for (const [space, records] of differences(before.state, role.replica.state)) {
      this.topics.tell({ type: "changed", space, records });
    }
  }

  #following(): Follow | undefined {
    return this.#role instanceof Follow ? this.#role : undefined;
  }

  #leadState(): LeadState {
    const { state } = this.replica();
    const lead = this.#role instanceof Lead ? this.#role : undefined;
    const news: News[] = (lead?.statuses() ?? []).map(([space, status]) => {
      return { type: "status", space, status };
    });
    for (const space of this.replica().spaces()) {
      for (const { from, state: shown } of this.topics.peers(space).values()) {
        news.push({ type: "presence", space, from, event: { type: "joined", state: shown } });
      }
    }
    const connection = lead?.connection() ?? this.topics.connection();
    return {
      device: state.device,
      rows: this.replica().dump(),
      news: [{ type: "connection", connection }, ...news],
      limits: state.limits,
      offsetMs: state.offsetMs,
    };
  }

  /** Another tab asks; a space is closed when no tab wants it any more. */
  #asked(ask: Ask, from: string): void {
    if (ask.type === "open") {
      const tabs = this.#wantedBy.get(ask.space) ?? new Set();
      this.#wantedBy.set(ask.space, tabs.add(from));
    } else if (ask.type === "close") {
      this.#wantedBy.get(ask.space)?.delete(from);
      if (this.#wants.has(ask.space) || this.#isWantedElsewhere(ask.space)) {
        return;
      }
    }
    try {
      this.#role?.ask(ask);
    } catch {
      // A signal that found nobody: the tab that sent it could not know.
    }
    if (ask.type === "forget") {
      this.#forgotten(ask.space);
    }
  }

  #isWantedElsewhere(space: SpaceName): boolean {
    return (this.#wantedBy.get(space)?.size ?? 0) > 0;
  }

  /** Applies what the leading tab has new. */
  #mirror(rows: Unsaved): void {
    this.#following()?.apply(rows);
    for (const space of rows.forgotten) {
      this.#forgotten(space);
    }
  }

  /** A space is gone, and with it the answers that somebody waits for. */
  #forgotten(space: SpaceName): void {
    this.#wants.delete(space);
    this.#presences.delete(space);
    this.#wantedBy.delete(space);
    this.topics.dropUnanswerable((id) => this.#isInOutbox(id));
  }

  #tell(news: News): void {
    this.topics.tell(news);
    this.#tabs?.spread({ news });
  }

  #happened(what: "online" | "visible" | "hidden"): void {
    if (what === "online") {
      this.#role?.ask({ type: "retry" });
    } else if (this.#role instanceof Lead) {
      if (what === "visible") {
        this.#role.wake();
      } else {
        this.#role.hurry();
      }
    }
  }

  #isInOutbox(id: string): boolean {
    return this.replica()
      .state.outbox.entries()
      .some(([, { push }]) => `${push.id.replica}#${push.id.counter}` === id);
  }
}
