// How the copy of a space stands, in a word.

import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";

export function Standing({ space }: { readonly space: Space }) {
  const { isLive, isWritable, progress, ended } = useSpaceStatus(space);
  if (ended !== undefined) {
    return <span className="tag bad">{ended.text}</span>;
  }
  if (progress !== undefined) {
    const { received, records } = progress;
    return (
      <label className="progress">
        <progress value={received} max={Math.max(records, 1)} />
        {received} of {records}
      </label>
    );
  }
  if (!isLive) {
    return <span className="tag">from this device</span>;
  }
  return <span className="tag good">{isWritable === false ? "live, to read" : "live"}</span>;
}
