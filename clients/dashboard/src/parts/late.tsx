// A page that is fetched when somebody first looks at it, so that a first visit loads nothing of it.

import { type ComponentType, useEffect, useState } from "react";
import { Failed, Loading } from "./states";

/** The page that `load` fetches. */
export function late(load: () => Promise<ComponentType>): ComponentType {
  let fetched: ComponentType | undefined;
  return function Late() {
    const [Page, setPage] = useState(() => fetched);
    const [error, setError] = useState<Error>();
    useEffect(() => {
      load().then((page) => {
        fetched = page;
        setPage(() => page);
      }, setError);
    }, []);
    if (Page !== undefined) {
      return <Page />;
    }
    if (error !== undefined) {
      // Another version of the hub has other files: only a new page knows their names.
      return <Failed error={error} retry={() => location.reload()} />;
    }
    return <Loading />;
  };
}
