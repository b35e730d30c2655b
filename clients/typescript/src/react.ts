// Hooks for React: a component draws what it reads, and is drawn again when that changes.
//
// All of them hold on to `useSyncExternalStore`, so that a page never shows two moments at once.

import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Client } from "./client.js";
import type { Collection, Item } from "./collection.js";
import type { Connection, SpaceStatus } from "./news.js";
import type { Present, Space } from "./space.js";

/** One record of a collection; `undefined` when there is none. */
export function useRecord<Input extends object, Output>(
  collection: Collection<Input, Output>,
  key: string,
): Output | undefined {
  const subscribe = useCallback(
    (changed: () => void) => collection.subscribe(changed, { key }),
    [collection, key],
  );
  const read = useCallback(() => collection.get(key), [collection, key]);
  return useSyncExternalStore(subscribe, read, read);
}

/** The records of a collection whose keys begin with `prefix`, in the order of their keys. */
export function useCollection<Input extends object, Output>(
  collection: Collection<Input, Output>,
  prefix = "",
): readonly Item<Output>[] {
  const subscribe = useCallback(
    (changed: () => void) => collection.subscribe(changed, { prefix }),
    [collection, prefix],
  );
  const read = useCallback(() => collection.list(prefix), [collection, prefix]);
  return useSyncExternalStore(subscribe, read, read);
}

/** How the connection stands. */
export function useConnection(client: Client): Connection {
  return useSyncExternalStore(client.onConnection, client.connection, client.connection);
}

/** How a space stands: live, or how far its first copy has come. */
export function useSpaceStatus(space: Space): SpaceStatus {
  return useSyncExternalStore(space.onStatus, space.status, space.status);
}

/** Who else shows what in a space, and how to show a state of one's own. */
export function usePresence(
  space: Space,
): readonly [present: readonly Present[], show: (state: unknown) => void] {
  const present = useSyncExternalStore(space.onPresence, space.present, space.present);
  return useMemo(() => [present, space.showPresence], [present, space]);
}
