// The tab that follows: it reads its own mirror of the leading tab's replica, and asks that tab for
// everything that needs the hub or the store.
//
// Own writes are laid over the mirror at once and handed to the leading tab, which adopts them. A
// write counts as confirmed when the leading tab's own rows name it; what is not confirmed when the
// lead changes hands is handed to the next one, under the same push id.
import { pushIdToText } from "./delta.js";
import { sortNames } from "./replica/event.js";
import { applyUnsaved, withdrawPush } from "./replica/mirror.js";
import { discardUnsaved, encodePush } from "./replica/saved.js";
import { EphemeralError } from "./session/client/event.js";
/** The role of a tab that follows. */
export class Follow {
    replica;
    #options;
    /** Own writes that the leading tab has not shown yet. */
    #unconfirmed = new Map();
    constructor(options) {
        this.#options = options;
        this.replica = options.replica;
    }
    /** Own writes that the leading tab may not know. */
    unconfirmed() {
        return [...this.#unconfirmed.values()];
    }
    write(space, ...rest) {
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
    resend(id, bytes) {
        this.#unconfirmed.set(pushIdToText(id), bytes);
        this.#options.send({ type: "push", bytes });
    }
    ask(ask) {
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
    async saved() {
        await this.#options.kept();
    }
    end() {
        return Promise.resolve();
    }
    /** Applies what the leading tab has new. */
    apply(unsaved) {
        const changed = applyUnsaved(this.replica.state, unsaved);
        for (const { id } of unsaved.pushes) {
            this.#unconfirmed.delete(pushIdToText(id));
        }
        this.#tellChanged(changed);
    }
    /** Hears what the leading tab tells; what changed in the mirror it finds out by itself. */
    hear(news) {
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
    #tellChanged(changed) {
        for (const [space, records] of changed) {
            this.#options.tell({ type: "changed", space, records });
        }
        this.#options.tell({ type: "waiting", count: this.replica.outboxSize() });
    }
}
