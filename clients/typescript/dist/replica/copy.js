// The copy: what the hub sent of one space, and nothing else.
//
// Cursor and digests speak of it; own writes never enter it but by way of the hub.
import { count, countRecord, EMPTY_DIGEST } from "../digest.js";
import { EMPTY_RECORD, isVisible, merge, newestStamp } from "../record.js";
import { SortedMap } from "../sorted.js";
import { timeOf } from "../stamp.js";
/** The records of a space as the hub sent them, with a digest of each collection kept beside. */
export class SpaceCopy {
    #collections = new SortedMap();
    get(collection, key) {
        return this.#collections.get(collection)?.records.get(key);
    }
    /** The records of one collection, tombstones among them. */
    collection(name) {
        return this.#collections.get(name)?.records;
    }
    collections() {
        return this.#collections.keys();
    }
    /** All records, tombstones among them, in order. */
    *entries() {
        for (const [collection, held] of this.#collections.entries()) {
            for (const [key, record] of held.records.entries()) {
                yield [{ collection, key }, record];
            }
        }
    }
    /** Merges a delta of the hub; whether the record is other than before. */
    merge({ collection, key, stamp, sequence, op }) {
        const held = this.#held(collection);
        const before = held.records.get(key) ?? EMPTY_RECORD;
        const { record, displaced, won } = merge(before, stamp, sequence, op);
        const less = count(held.digest, [collection, key], displaced, -1);
        held.digest = count(less, [collection, key], won, 1);
        held.records.set(key, record);
        return record !== before;
    }
    /** Puts a record in the place of what is there. */
    insert(name, record) {
        this.remove(name);
        const held = this.#held(name.collection);
        held.digest = countRecord(held.digest, [name.collection, name.key], record, 1);
        held.records.set(name.key, record);
    }
    /** Takes a record out; gives it back. */
    remove({ collection, key }) {
        const held = this.#collections.get(collection);
        const record = held?.records.get(key);
        if (held === undefined || record === undefined) {
            return undefined;
        }
        held.records.delete(key);
        held.digest = countRecord(held.digest, [collection, key], record, -1);
        if (held.records.size === 0) {
            this.#collections.delete(collection);
        }
        return record;
    }
    /**
     * Forgets deletes from before `horizon`, and records that have shown nothing since; gives the
     * names of all that it touched. Nothing that shows is touched.
     */
    purge(horizon) {
        const found = [...this.entries()].filter(([, record]) => isOld(record, horizon));
        for (const [name, record] of found) {
            this.remove(name);
            if (isVisible(record)) {
                this.insert(name, { ...record, tombstone: undefined });
            }
        }
        return found.map(([name]) => name);
    }
    /** The digests of the collections that show anything. */
    digests() {
        const all = [...this.#collections.entries()];
        const showing = all.filter(([, held]) => held.digest.fields > 0);
        return new Map(showing.map(([name, held]) => [name, held.digest]));
    }
    #held(collection) {
        const make = () => ({ records: new SortedMap(), digest: EMPTY_DIGEST });
        return this.#collections.getOrMake(collection, make);
    }
}
function isOld(record, horizon) {
    const grave = record.tombstone?.stamp;
    const newest = newestStamp(record);
    const isSilent = !isVisible(record) && (newest === undefined || timeOf(newest) < horizon);
    return isSilent || (grave !== undefined && timeOf(grave) < horizon);
}
