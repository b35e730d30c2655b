import type { Applied } from "../delta.js";
import { type Digest } from "../digest.js";
import type { CollectionName, RecordKey } from "../name.js";
import { type RecordState } from "../record.js";
import { SortedMap } from "../sorted.js";
import { type HlcTime } from "../stamp.js";
import type { RecordName } from "./event.js";
/** The records of a space as the hub sent them, with a digest of each collection kept beside. */
export declare class SpaceCopy {
    #private;
    get(collection: string, key: string): RecordState | undefined;
    /** The records of one collection, tombstones among them. */
    collection(name: string): SortedMap<RecordKey, RecordState> | undefined;
    collections(): readonly CollectionName[];
    /** All records, tombstones among them, in order. */
    entries(): Generator<[RecordName, RecordState]>;
    /** Merges a delta of the hub; whether the record is other than before. */
    merge({ collection, key, stamp, sequence, op }: Applied): boolean;
    /** Puts a record in the place of what is there. */
    insert(name: RecordName, record: RecordState): void;
    /** Takes a record out; gives it back. */
    remove({ collection, key }: RecordName): RecordState | undefined;
    /**
     * Forgets deletes from before `horizon`, and records that have shown nothing since; gives the
     * names of all that it touched. Nothing that shows is touched.
     */
    purge(horizon: HlcTime): RecordName[];
    /** The digests of the collections that show anything. */
    digests(): Map<CollectionName, Digest>;
}
