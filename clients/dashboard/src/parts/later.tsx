// A page whose code comes when it is opened.

import { type ComponentType, lazy } from "react";
import { Failed } from "./states";

/** What stands for a page until its code is there, which it then is for good. */
export function later(load: () => Promise<ComponentType>): ComponentType {
  return lazy(async () => ({ default: await load().catch(missing) }));
}

/** The hub is away, or serves a newer page by now: to begin again is the way out of both. */
function missing(): ComponentType {
  const retry = (): void => location.reload();
  return () => <Failed error={new Error("This page could not be loaded.")} retry={retry} />;
}
