import type { Client } from "./client.js";
import type { Collection, Item } from "./collection.js";
import type { Connection, SpaceStatus } from "./news.js";
import type { Present, Space } from "./space.js";
/** One record of a collection; `undefined` when there is none. */
export declare function useRecord<Input extends object, Output>(collection: Collection<Input, Output>, key: string): Output | undefined;
/** The records of a collection whose keys begin with `prefix`, in the order of their keys. */
export declare function useCollection<Input extends object, Output>(collection: Collection<Input, Output>, prefix?: string): readonly Item<Output>[];
/** How the connection stands. */
export declare function useConnection(client: Client): Connection;
/** How a space stands: live, or how far its first copy has come. */
export declare function useSpaceStatus(space: Space): SpaceStatus;
/** Who else shows what in a space, and how to show a state of one's own. */
export declare function usePresence(space: Space): readonly [present: readonly Present[], show: (state: unknown) => void];
