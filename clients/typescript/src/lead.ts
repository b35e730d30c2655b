// The tab that leads, or the only one: it owns the socket and the store, and lets the session
// decide.
//
//           +-> keep what must be kept -> obey orders, send messages -> wait -+
//           |                                                                |
//           +--- the app asks, a message came, it is time ---------------------+
//
// Nothing is sent before what it follows from is kept. It knows no rules: when to connect, what to
// send and when to give up is the session's business.

import type { PushId } from "./delta.js";
import type { Environment } from "./environment.js";
import type { SpaceName } from "./name.js";
import { type Connection, type News, type SpaceStatus, UNKNOWN_STATUS } from "./news.js";
import type { Store } from "./persist.js";
import type { HubLimits } from "./replica/limits.js";
import { decodePush, type Unsaved } from "./replica/saved.js";
import type { Replica } from "./replica.js";
import type { Ask, Role } from "./role.js";
import type {
  Action,
  ClientEvent,
  Identity,
  Moment,
  SessionState,
} from "./session/client/event.js";
import { ClientSession } from "./session/client.js";
import { type Address, openSocket, type Socket } from "./socket.js";

/** What only reading changes is kept at most this often, in milliseconds. */
const SAVE_PAUSE_MS = 100;

/** What a lead is made of. */
export interface LeadOptions {
  readonly environment: Environment;
  readonly address: Address;
  readonly identity: Identity;
  /** Gives a token for each new connection, in the place of the identity's. */
  readonly getToken: (() => string | Promise<string>) | undefined;
  readonly replica: Replica;
  /** None to live in memory only. */
  readonly store: Store | undefined;
  /** Tells this tab's listeners, and those of other tabs. */
  readonly tell: (news: News) => void;
  /** Hands on what other tabs mirror; none when there can be none. */
  readonly replicate: ((unsaved: Unsaved) => void) | undefined;
}

/** The role of a tab that leads. */
export class Lead implements Role {
  readonly replica: Replica;
  readonly #options: LeadOptions;
  readonly #session: ClientSession;
  readonly #statuses = new Map<SpaceName, SpaceStatus>();
  #store: Store | undefined;
  #socket: Socket | undefined;
  /** Counts sockets, so that what an older one says is told from the newest. */
  #sockets = 0;
  #order: "connect" | "close" | undefined;
  #outgoing: Uint8Array<ArrayBuffer>[] = [];
  #unsaved: Unsaved[] = [];
  #mustSave = false;
  #cancelSave: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;
  #saving = Promise.resolve();
  #working = Promise.resolve();
  #isWorking = false;
  #hasMore = false;
  #isOver = false;
  #refused: string | undefined;
  #waiting = 0;
  /** What was told of the hub last. */
  #hub: { readonly limits: HubLimits | undefined; readonly offsetMs: number };
  /** Another tab has taken the database over. */
  #isOutdone = false;

  constructor(options: LeadOptions) {
    this.#options = options;
    this.#store = options.store;
    this.replica = options.replica;
    this.#hub = { limits: undefined, offsetMs: 0 };
    this.#session = new ClientSession(options.replica, options.identity);
  }

  /** Begins to connect. */
  begin(): void {
    this.#do((session, now) => session.wake(now));
  }

  /** How the connection stands. */
  connection(): Connection {
    return this.#connectionOf(this.#session.state());
  }

  statuses(): readonly (readonly [SpaceName, SpaceStatus])[] {
    return [...this.#statuses];
  }

  write(space: SpaceName, ...write: [Parameters<Role["write"]>[1], Parameters<Role["write"]>[2]]) {
    let id: PushId | undefined;
    this.#do((session, now) => {
      const [push, actions] = session.write(space, ...write, now);
      id = push;
      return actions;
    });
    return id as PushId;
  }

  ask(ask: Ask): void {
    this.#do((session, now) => {
      switch (ask.type) {
        case "open":
          return session.open(ask.space, ask.filter, now);
        case "close":
          return session.close(ask.space, now);
        case "forget":
          return session.forget(ask.space, now);
        case "verify":
          return session.verify(ask.space, now)[1];
        case "signal":
          return session.signal(ask.space, ask.value, now);
        case "presence":
          return session.presence(ask.space, ask.value, now);
        case "token":
          this.#refused = undefined;
          return session.setToken(ask.token, now);
        case "retry":
          return session.retryNow(now);
        case "start":
          return session.start(now);
        case "stop":
          return session.stop();
        case "push":
          return session.adopt(decodePush(ask.bytes), now);
      }
    });
  }

  /** Does what it is time for: timers sleep in pages that nobody looks at. */
  wake(): void {
    this.#do((session, now) => session.wake(now));
  }

  /** Keeps at once what would wait, for a pause or for its turn: the page may not live long. */
  hurry(): void {
    void this.#save();
  }

  async saved(): Promise<void> {
    this.#mustSave = true;
    await this.#work();
  }

  async end(): Promise<void> {
    if (this.#isOver) {
      return;
    }
    this.#do((session) => session.stop());
    await this.saved();
    this.#isOver = true;
    this.#cancelWake?.();
    this.#cancelSave?.();
    this.#store?.close();
  }

  /** Calls the session and does what comes of it. */
  #do(call: (session: ClientSession, now: Moment) => readonly Action[]): void {
    if (!this.#isOver) {
      this.#absorb(call(this.#session, this.#moment()));
    }
  }

  #moment(): Moment {
    const { now, steady, random } = this.#options.environment;
    return { wallMs: now(), steadyMs: steady(), random: random() };
  }

  #absorb(actions: readonly Action[]): void {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.#outgoing.push(action.bytes);
          break;
        case "event":
          this.#hear(action.event);
          break;
        default:
          // An order outdates the one before it, and what was to be sent on the old socket.
          this.#outgoing = [];
          this.#order = action.type;
      }
    }
    this.#collect();
    this.#refresh();
    void this.#work();
  }

  #hear(event: ClientEvent): void {
    const { tell } = this.#options;
    if (event.type === "state") {
      tell({ type: "connection", connection: this.#connectionOf(event.state) });
      if (event.state.type === "needs_auth") {
        void this.#askForToken();
      }
      return;
    }
    if (event.type === "progress") {
      const { received, total } = event;
      this.#setStatus(event.space, { progress: { received, records: total.records } });
    } else if (event.type === "subscription_ended") {
      this.#setStatus(event.space, { isLive: false, progress: undefined, ended: event.reject });
    }
    tell(event);
  }

  /** Hands on what is new: to the tabs at once, to the store with the next save. */
  #collect(): void {
    const { replicate } = this.#options;
    if (this.replica.isSaved()) {
      return;
    }
    if (this.#store === undefined && replicate === undefined) {
      this.replica.discardUnsaved();
      return;
    }
    this.#mustSave ||= this.replica.hasUnsavedWrites();
    const unsaved = this.replica.takeUnsaved();
    replicate?.(unsaved);
    if (this.#store !== undefined) {
      this.#unsaved.push(unsaved);
    }
  }

  /** Tells how spaces stand, where that is news. */
  #refresh(): void {
    const count = this.replica.outboxSize();
    if (count !== this.#waiting) {
      this.#waiting = count;
      this.#options.tell({ type: "waiting", count });
    }
    const [limits, offsetMs] = [this.replica.limits(), this.replica.offsetMs()];
    if (limits !== this.#hub.limits || offsetMs !== this.#hub.offsetMs) {
      this.#hub = { limits, offsetMs };
      this.#options.tell({ type: "hub", limits, offsetMs });
    }
    const isConnecting = this.#session.state().type === "connecting";
    for (const space of this.replica.spaces()) {
      const isLive = this.replica.isLive(space);
      const known = this.#statuses.get(space) ?? UNKNOWN_STATUS;
      this.#setStatus(space, {
        isLive,
        isWritable: this.replica.isWritable(space) ?? known.isWritable,
        progress: isLive ? undefined : known.progress,
        ended: isLive || isConnecting ? undefined : known.ended,
      });
    }
  }

  #setStatus(space: SpaceName, changed: Partial<SpaceStatus>): void {
    const known = this.#statuses.get(space) ?? UNKNOWN_STATUS;
    const status = { ...known, ...changed };
    const names = Object.keys(status) as (keyof SpaceStatus)[];
    if (names.some((name) => status[name] !== known[name]) || !this.#statuses.has(space)) {
      this.#statuses.set(space, status);
      this.#options.tell({ type: "status", space, status });
    }
  }

  /** Keeps, obeys and sends, one round after the other; whoever waits, waits for the last one. */
  #work(): Promise<void> {
    this.#hasMore = true;
    if (!this.#isWorking) {
      this.#working = this.#rounds();
    }
    return this.#working;
  }

  async #rounds(): Promise<void> {
    this.#isWorking = true;
    while (this.#hasMore) {
      this.#hasMore = false;
      const [order, messages, mustSave] = [this.#order, this.#outgoing, this.#mustSave];
      this.#order = undefined;
      this.#outgoing = [];
      this.#mustSave = false;
      if (mustSave) {
        await this.#save();
      }
      this.#obey(order);
      for (const message of messages) {
        this.#socket?.send(message);
      }
    }
    // In the same breath as the last look, so that nothing is left between the two.
    this.#isWorking = false;
    this.#arm();
  }

  /** Places what is unsaved in the store; waits for all that was placed so far. */
  #save(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    if (this.#unsaved.length > 0) {
      const unsaved = this.#unsaved;
      this.#unsaved = [];
      this.#saving = Promise.all([this.#saving, this.#keep(unsaved)]).then(() => undefined);
    }
    return this.#saving;
  }

  async #keep(unsaved: readonly Unsaved[]): Promise<void> {
    try {
      if ((await this.#store?.save(unsaved)) === false && !this.#isOutdone) {
        this.#isOutdone = true;
        this.#options.tell({ type: "store_lost", reason: "another tab keeps the data now" });
      }
    } catch (error) {
      // Saves placed behind it fail as well; it is told once.
      if (this.#store !== undefined) {
        this.#store = undefined;
        this.#options.tell({ type: "store_lost", reason: String(error) });
      }
    }
  }

  #arm(): void {
    const { later, steady } = this.#options.environment;
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (this.#isOver) {
      return;
    }
    const wakeAtMs = this.#session.wakeAtMs();
    if (wakeAtMs !== undefined) {
      this.#cancelWake = later(() => this.wake(), wakeAtMs - steady());
    }
    if (this.#unsaved.length > 0) {
      this.#cancelSave ??= later(() => this.hurry(), SAVE_PAUSE_MS);
    }
  }

  #obey(order: "connect" | "close" | undefined): void {
    if (order === undefined) {
      return;
    }
    this.#sockets += 1;
    this.#socket?.close();
    this.#socket = undefined;
    if (order === "connect") {
      void this.#connect(this.#sockets);
    }
  }

  async #connect(socket: number): Promise<void> {
    const { address, environment, getToken } = this.#options;
    const isCurrent = (): boolean => socket === this.#sockets;
    const closed = (reason: string): void => {
      if (isCurrent()) {
        this.#socket = undefined;
        this.#do((session, now) => session.closed(reason, now));
      }
    };
    try {
      if (getToken !== undefined) {
        const token = await getToken();
        if (!isCurrent()) {
          return;
        }
        this.#refused = token;
        this.#do((session, now) => session.setToken(token, now));
      }
      this.#socket = openSocket(address, environment.openWebSocket, {
        opened: () => this.#do((session, now) => (isCurrent() ? session.opened(now) : [])),
        // Timers sleep in pages that nobody looks at, messages do not: each is also a reminder.
        received: (bytes) =>
          this.#do((session, now) =>
            isCurrent() ? [...session.received(bytes, now), ...session.wake(now)] : [],
          ),
        closed,
      });
    } catch (error) {
      closed(error instanceof Error ? error.message : String(error));
    }
  }

  /** A hub that refuses one token may take the next; the same one is not tried twice. */
  async #askForToken(): Promise<void> {
    const refused = this.#refused;
    try {
      const token = await this.#options.getToken?.();
      if (token !== undefined && token !== refused) {
        this.ask({ type: "token", token });
      }
    } catch {
      // The state says already that a token is needed.
    }
  }

  #connectionOf(state: SessionState): Connection {
    switch (state.type) {
      case "offline": {
        const { now, steady } = this.#options.environment;
        const nextTryAt = now() + Math.max(0, state.nextTryMs - steady());
        return { type: "offline", reason: state.reason, nextTryAt };
      }
      case "needs_auth":
        return { type: "needs-auth", reason: state.reject };
      case "stopped":
        return { type: "stopped", reason: state.reject };
      default:
        return state;
    }
  }
}
