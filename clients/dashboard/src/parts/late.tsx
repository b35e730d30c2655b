// A page, or a part of one, that is fetched when somebody first looks at it, so that a first visit
// loads nothing of it.

import { type ComponentType, useEffect, useState } from "react";
import { Failed, Loading } from "./states";

/** The page that `load` fetches. */
export function late<Props extends object = object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let fetched: ComponentType<Props> | undefined;
  return function Late(props: Props) {
    const [Page, setPage] = useState(() => fetched);
    const [error, setError] = useState<Error>();
    useEffect(() => {
      load().then((page) => {
        fetched = page;
        setPage(() => page);
      }, setError);
    }, []);
    if (Page !== undefined) {
      return <Page {...props} />;
    }
    if (error !== undefined) {
      // Another version of the hub has other files: only a new page knows their names.
      return <Failed error={error} retry={() => location.reload()} />;
    }
    return <Loading />;
  };
}
