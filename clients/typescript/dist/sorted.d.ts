/** Compares two texts as their UTF-8 bytes compare. */
export declare function compareText(a: string, b: string): number;
/** A map with texts as keys, read in the order of their bytes. */
export declare class SortedMap<K extends string, V> {
    #private;
    get size(): number;
    get(key: string): V | undefined;
    has(key: string): boolean;
    set(key: K, value: V): void;
    delete(key: string): boolean;
    clear(): void;
    /** What is there under a key; made when nothing is. */
    getOrMake(key: K, make: () => V): V;
    /** The keys in order. */
    keys(): readonly K[];
    /** The values in the order of their keys. */
    values(): Generator<V>;
    /** Keys and values in order; what is deleted meanwhile is skipped. */
    entries(): Generator<[K, V]>;
    /** Keys and values in no order, for who counts. */
    unordered(): Iterable<[K, V]>;
    /** The keys that begin with a prefix, in order. */
    keysFrom(prefix: string): K[];
}
/** Numbers in ascending order, each once. */
export declare class SortedNumbers {
    #private;
    get size(): number;
    has(number: number): boolean;
    add(number: number): void;
    delete(number: number): void;
    /** The first so many. */
    first(count: number): number[];
    all(): number[];
}
