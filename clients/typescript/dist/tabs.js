// Tabs of one browser that share a connection: one leads, the others follow.
//
//   who holds the lock leads        follower                          leader
//                                      | -- join ---------------------> |
//                                      | <-- state: all rows, news ---- |
//                                      | -- ask: open, push, .. ------> |
//                                      | <-- rows, as they change ----- |
//                                      | <-- news, as they come ------- |
//
// A Web Lock is held by whoever leads, for as long as its tab lives; the browser gives it to the
// next one. A new leader says so, and the others join it again. Nothing here knows what the
// messages mean to a replica.
/** How often a follower asks again for what it was not answered, in milliseconds. */
const JOIN_AGAIN_MS = 1_000;
/** A tab among others. */
export class Tabs {
    #tab;
    #name;
    #channel;
    #locks;
    #environment;
    #events;
    #abort = new AbortController();
    #keeping = new Map();
    #leads = false;
    /** The tab that this one follows, once it has told its state. */
    #leader;
    #release;
    #cancelJoin;
    #settled;
    #failed;
    #keeps = 0;
    constructor(environment, channel, locks, names, events) {
        this.#environment = environment;
        this.#channel = channel;
        this.#locks = locks;
        this.#name = names.name;
        this.#tab = names.tab;
        this.#events = events;
        channel.onmessage = ({ data }) => this.#hear(data);
    }
    /** Waits until this tab leads or follows. Fails when it should lead and cannot. */
    begin() {
        const begun = new Promise((settled, failed) => {
            this.#settled = settled;
            this.#failed = failed;
        });
        const { signal } = this.#abort;
        const hold = this.#locks.request(this.#name, { signal }, () => this.#hold());
        hold.catch(() => undefined);
        this.#join();
        return begun;
    }
    /** Asks the leading tab; while there is none, the next one is told what matters when it leads. */
    ask(ask) {
        this.#post({ type: "ask", from: this.#tab, ask });
    }
    /** Waits until the leading tab has kept everything that it was told so far. */
    keep() {
        this.#keeps += 1;
        const number = this.#keeps;
        return new Promise((kept) => {
            this.#keeping.set(number, kept);
            this.#post({ type: "keep", from: this.#tab, number });
        });
    }
    /** Tells the followers what is new. */
    spread(what) {
        if (this.#leads) {
            const type = "rows" in what ? "rows" : "news";
            this.#post({ type, from: this.#tab, ...what });
        }
    }
    /** Leaves: the next tab leads, if this one did. */
    end() {
        this.#abort.abort();
        this.#cancelJoin?.();
        this.#leads = false;
        this.#release?.();
        this.#channel.onmessage = null;
        this.#channel.close();
        for (const kept of this.#keeping.values()) {
            kept();
        }
    }
    /** The lock is this tab's: it leads until it ends. */
    async #hold() {
        if (this.#abort.signal.aborted) {
            return;
        }
        this.#cancelJoin?.();
        this.#leader = undefined;
        const held = new Promise((release) => {
            this.#release = release;
        });
        try {
            // Nobody is answered before there is something to tell: who asks too early asks again.
            await this.#events.lead();
        }
        catch (error) {
            // Whoever waits hears why; the lock goes to the next one.
            this.#failed?.(error);
            return;
        }
        this.#leads = true;
        this.#settle();
        this.#post({ type: "leads", from: this.#tab });
        await held;
    }
    #settle() {
        this.#settled?.();
        this.#settled = undefined;
        for (const [number, kept] of this.#keeping) {
            // Whoever asked another leader asks this one again.
            this.#keeping.delete(number);
            void this.#events.keep().then(kept);
        }
    }
    #join() {
        this.#cancelJoin?.();
        this.#leader = undefined;
        if (this.#leads || this.#abort.signal.aborted) {
            return;
        }
        this.#post({ type: "join", from: this.#tab });
        this.#cancelJoin = this.#environment.later(() => this.#join(), JOIN_AGAIN_MS);
    }
    #hear(message) {
        if (this.#leads) {
            this.#hearAsLeader(message);
        }
        else {
            this.#hearAsFollower(message);
        }
    }
    #hearAsLeader(message) {
        const from = this.#tab;
        switch (message.type) {
            case "join":
                this.#post({ type: "state", from, to: message.from, state: this.#events.state() });
                break;
            case "ask":
                this.#events.asked(message.ask, message.from);
                break;
            case "keep": {
                const { from: to, number } = message;
                void this.#events.keep().then(() => this.#post({ type: "kept", from, to, number }));
                break;
            }
            default:
        }
    }
    #hearAsFollower(message) {
        switch (message.type) {
            case "leads":
                this.#join();
                break;
            case "state":
                if (message.to === this.#tab) {
                    this.#cancelJoin?.();
                    this.#leader = message.from;
                    this.#events.follow(message.state);
                    this.#askAgain();
                    this.#settled?.();
                    this.#settled = undefined;
                }
                break;
            case "rows":
                if (message.from === this.#leader) {
                    this.#events.rows(message.rows);
                }
                break;
            case "news":
                if (message.from === this.#leader) {
                    this.#events.news(message.news);
                }
                break;
            case "kept":
                if (message.to === this.#tab) {
                    this.#keeping.get(message.number)?.();
                    this.#keeping.delete(message.number);
                }
                break;
            default:
        }
    }
    #askAgain() {
        for (const number of this.#keeping.keys()) {
            this.#post({ type: "keep", from: this.#tab, number });
        }
    }
    #post(message) {
        this.#channel.postMessage(message);
    }
}
