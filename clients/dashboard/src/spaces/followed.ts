// Which spaces this device follows: the one that is looked at, and those of a moment ago.

import { useEffect } from "react";
import type { Client, Space } from "syncline";

/** Spaces that are followed on after one has left them: they can be read while the hub is away. */
const FOLLOWED_MAX = 8;
let recent: readonly string[] = [];

/** Follows a space; what was looked at long ago is followed no more, unless something waits. */
export function useFollowed(space: Space, client: Client): void {
  useEffect(() => {
    client.space(space.name);
    recent = [space.name, ...recent.filter((name) => name !== space.name)].slice(0, FOLLOWED_MAX);
    const isQuiet = client.connection().type === "live" && client.waiting() === 0;
    const older = client.spaces().filter((name) => !recent.includes(name));
    for (const name of isQuiet ? older.slice(FOLLOWED_MAX - recent.length) : []) {
      client.space(name).close();
    }
  }, [space, client]);
}
