// Texts in the order of their UTF-8 bytes, and a map that is read in that order.
//
// The whole protocol sorts by bytes; JavaScript compares UTF-16 units, which differs beyond the
// basic plane. The map sorts its keys when they are first read in order, and keeps them so.

/** Compares two texts as their UTF-8 bytes compare. */
export function compareText(a: string, b: string): number {
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
function rank(unit: number): number {
  if (unit < 0xd800) {
    return unit;
  }
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Where `key` stands or would stand among sorted texts. */
function placeOf(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareText(keys[middle] ?? "", key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** A map with texts as keys, read in the order of their bytes. */
export class SortedMap<K extends string, V> {
  readonly #values = new Map<K, V>();
  /** The keys in order; none until somebody asks, so that filling costs no sorting. */
  #keys: K[] | undefined;

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key as K);
  }

  has(key: string): boolean {
    return this.#values.has(key as K);
  }

  set(key: K, value: V): void {
    if (this.#keys !== undefined && !this.#values.has(key)) {
      this.#keys.splice(placeOf(this.#keys, key), 0, key);
    }
    this.#values.set(key, value);
  }

  delete(key: string): boolean {
    const wasThere = this.#values.delete(key as K);
    if (wasThere && this.#keys !== undefined) {
      this.#keys.splice(placeOf(this.#keys, key), 1);
    }
    return wasThere;
  }

  clear(): void {
    this.#values.clear();
    this.#keys = undefined;
  }

  /** What is there under a key; made when nothing is. */
  getOrMake(key: K, make: () => V): V {
    const there = this.#values.get(key);
    if (there !== undefined) {
      return there;
    }
    const made = make();
    this.set(key, made);
    return made;
  }

  /** The keys in order. */
  keys(): readonly K[] {
    this.#keys ??= [...this.#values.keys()].sort(compareText);
    return this.#keys;
  }

  /** The values in the order of their keys. */
  *values(): Generator<V> {
    for (const [, value] of this.entries()) {
      yield value;
    }
  }

  /** Keys and values in order; what is deleted meanwhile is skipped. */
  *entries(): Generator<[K, V]> {
    for (const key of [...this.keys()]) {
      const value = this.#values.get(key);
      if (value !== undefined) {
        yield [key, value];
      }
    }
  }

  /** Keys and values in no order, for who counts. */
  unordered(): Iterable<[K, V]> {
    return this.#values.entries();
  }

  /** The keys that begin with a prefix, in order. */
  keysFrom(prefix: string): K[] {
    const keys = this.keys();
    const found: K[] = [];
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
  readonly #numbers: number[] = [];

  get size(): number {
    return this.#numbers.length;
  }

  has(number: number): boolean {
    return this.#numbers[this.#place(number)] === number;
  }

  add(number: number): void {
    const place = this.#place(number);
    if (this.#numbers[place] !== number) {
      this.#numbers.splice(place, 0, number);
    }
  }

  delete(number: number): void {
    const place = this.#place(number);
    if (this.#numbers[place] === number) {
      this.#numbers.splice(place, 1);
    }
  }

  /** The first so many. */
  first(count: number): number[] {
    return this.#numbers.slice(0, count);
  }

  all(): number[] {
    return this.#numbers.slice();
  }

  #place(number: number): number {
    let [low, high] = [0, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? 0) < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
