// The overlay: what own pushes that are not in the copy yet say about records.
//
// One joined record for each key that any of them touches, so that a read never walks the outbox.
// It holds no pushes itself: who takes one away shows it those that stay.
import { EMPTY_RECORD, merge } from "../record.js";
import { SortedMap } from "../sorted.js";
import { namesOf } from "./event.js";
/** The joined own writes of one space that its copy does not hold yet. */
export class Overlay {
    #collections = new SortedMap();
    get(collection, key) {
        return this.#collections.get(collection)?.get(key)?.record;
    }
    collections() {
        return this.#collections.keys();
    }
    /** The keys of a collection under a prefix, in order. */
    keysFrom(collection, prefix) {
        return this.#collections.get(collection)?.keysFrom(prefix) ?? [];
    }
    /** Lays a push over what is there. */
    add(order, push) {
        for (const [index, delta] of push.deltas.entries()) {
            const keys = this.#collections.getOrMake(delta.collection, () => new SortedMap());
            const layer = keys.getOrMake(delta.key, () => ({ record: EMPTY_RECORD, places: [] }));
            layer.record = laid(layer.record, delta);
            layer.places.push({ order, index });
        }
    }
    /** Takes a push away; `find` gives the deltas of those that stay. */
    remove(order, push, find) {
        for (const { collection, key } of namesOf(push)) {
            const keys = this.#collections.get(collection);
            const layer = keys?.get(key);
            if (keys === undefined || layer === undefined) {
                continue;
            }
            layer.places = layer.places.filter((place) => place.order !== order);
            layer.record = layer.places
                .map(find)
                .filter((delta) => delta !== undefined)
                .reduce(laid, EMPTY_RECORD);
            if (layer.places.length === 0) {
                keys.delete(key);
            }
            if (keys.size === 0) {
                this.#collections.delete(collection);
            }
        }
    }
}
function laid(record, { stamp, op }) {
    return merge(record, stamp, 0, op).record;
}
