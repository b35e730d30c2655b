// Texts in the order of their UTF-8 bytes, and a map that is read in that order.
//
// The whole protocol sorts by bytes; JavaScript compares UTF-16 units, which differs beyond the
// basic plane. The map sorts its keys when they are first read in order, and keeps them so.
/** Compares two texts as their UTF-8 bytes compare. */
export function compareText(a, b) {
    const length = Math.min(a.length, b.length);
    for (let at = 0; at < length; at += 1) {
        const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
        if (left !== right) {
            return rank(left) - rank(right);
        }
    }
    return a.length - b.length;
}
/** Surrogates stand for code points beyond the plane, and so after all of its own. */
function rank(unit) {
    if (unit < 0xd800) {
        return unit;
    }
    return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
/** Where `key` stands or would stand among sorted texts. */
function placeOf(keys, key) {
    let [low, high] = [0, keys.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (compareText(keys[middle] ?? "", key) < 0) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}
/** A map with texts as keys, read in the order of their bytes. */
export class SortedMap {
    #values = new Map();
    /** The keys in order; none until somebody asks, so that filling costs no sorting. */
    #keys;
    get size() {
        return this.#values.size;
    }
    get(key) {
        return this.#values.get(key);
    }
    has(key) {
        return this.#values.has(key);
    }
    set(key, value) {
        if (this.#keys !== undefined && !this.#values.has(key)) {
            this.#keys.splice(placeOf(this.#keys, key), 0, key);
        }
        this.#values.set(key, value);
    }
    delete(key) {
        const wasThere = this.#values.delete(key);
        if (wasThere && this.#keys !== undefined) {
            this.#keys.splice(placeOf(this.#keys, key), 1);
        }
        return wasThere;
    }
    clear() {
        this.#values.clear();
        this.#keys = undefined;
    }
    /** What is there under a key; made when nothing is. */
    getOrMake(key, make) {
        const there = this.#values.get(key);
        if (there !== undefined) {
            return there;
        }
        const made = make();
        this.set(key, made);
        return made;
    }
    /** The keys in order. */
    keys() {
        this.#keys ??= [...this.#values.keys()].sort(compareText);
        return this.#keys;
    }
    /** The values in the order of their keys. */
    *values() {
        for (const [, value] of this.entries()) {
            yield value;
        }
    }
    /** Keys and values in order; what is deleted meanwhile is skipped. */
    *entries() {
        for (const key of [...this.keys()]) {
            const value = this.#values.get(key);
            if (value !== undefined) {
                yield [key, value];
            }
        }
    }
    /** Keys and values in no order, for who counts. */
    unordered() {
        return this.#values.entries();
    }
    /** The keys that begin with a prefix, in order. */
    keysFrom(prefix) {
        const keys = this.keys();
        const found = [];
        for (let at = placeOf(keys, prefix); at < keys.length; at += 1) {
            const key = keys[at];
            if (key === undefined || !key.startsWith(prefix)) {
                break;
            }
            found.push(key);
        }
        return found;
    }
}
/** Numbers in ascending order, each once. */
export class SortedNumbers {
    #numbers = [];
    get size() {
        return this.#numbers.length;
    }
    has(number) {
        return this.#numbers[this.#place(number)] === number;
    }
    add(number) {
        const place = this.#place(number);
        if (this.#numbers[place] !== number) {
            this.#numbers.splice(place, 0, number);
        }
    }
    delete(number) {
        const place = this.#place(number);
        if (this.#numbers[place] === number) {
            this.#numbers.splice(place, 1);
        }
    }
    /** The first so many. */
    first(count) {
        return this.#numbers.slice(0, count);
    }
    all() {
        return this.#numbers.slice();
    }
    #place(number) {
        let [low, high] = [0, this.#numbers.length];
        while (low < high) {
            const middle = (low + high) >>> 1;
            if ((this.#numbers[middle] ?? 0) < number) {
                low = middle + 1;
            }
            else {
                high = middle;
            }
        }
        return low;
    }
}
