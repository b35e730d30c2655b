import type { CollectionName, RecordKey } from "./name.js";
import { type Plain } from "./plain.js";
import { type RecordState } from "./record.js";
import type { Stamp } from "./stamp.js";
import type { Value } from "./value.js";
/** A record at one moment. */
export interface RecordView {
    readonly collection: CollectionName;
    readonly key: RecordKey;
    /** What shows, by field. */
    readonly fields: {
        readonly [field: string]: Plain;
    };
    /** The sequence under which the hub last changed it; zero when the hub does not have it yet. */
    readonly sequence: number;
    /** The newest stamp in it: when it was last written, and by which replica. */
    readonly stamp: Stamp | undefined;
    /** The fields in the bytes that they came in, for who needs every width. */
    readonly values: ReadonlyMap<string, Value>;
}
/** The view of a record; `copied` is what the hub sent of it. */
export declare function viewOf(collection: CollectionName, key: RecordKey, record: RecordState, copied: RecordState | undefined): RecordView;
