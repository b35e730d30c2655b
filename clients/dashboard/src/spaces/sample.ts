// The records of a collection as they change, at a pace that the page can bear.
//
// However many changes come, the list is read a few times a second, and the longer reading it takes
// the less often it is done. What a record shows is the same object until it changes, so that rows
// that did not change are not drawn again.

import { useEffect, useState } from "react";
import type { RecordView, Space } from "syncline";

/** A collection at one moment. */
export interface Sampled {
  readonly records: readonly RecordView[];
  /** Keys that were not there at the moment before. */
  readonly fresh: ReadonlySet<string>;
}

/** Between two readings, at least. */
const PAUSE_MS = 150;
/** Reading takes no more than this share of the time: one part in so many. */
const REST = 6;
const NOTHING: Sampled = { records: [], fresh: new Set() };

/** The records of a collection, sampled. */
export function useRecords(space: Space, collection: string | undefined): Sampled {
  const [sampled, setSampled] = useState(NOTHING);
  useEffect(() => {
    if (collection === undefined) {
      setSampled(NOTHING);
      return;
    }
    let known: ReadonlySet<string> | undefined;
    return follow(
      () => {
        const records = space.list(collection);
        const keys = new Set<string>(records.map(({ key }) => key));
        const before = known;
        // What a first copy brings is not news.
        const isNews = before !== undefined && before.size > 0 && space.status().isLive;
        const arrived = isNews ? [...keys].filter((key) => !before.has(key)) : [];
        known = keys;
        setSampled({ records, fresh: new Set(arrived) });
      },
      (changed) => space.subscribe({ collection }, changed),
    );
  }, [space, collection]);
  return sampled;
}

/** One record, sampled. */
export function useSampledRecord(
  space: Space,
  collection: string,
  key: string,
): RecordView | undefined {
  const read = (): RecordView | undefined => space.get(collection, key);
  const [record, setRecord] = useState(read);
  useEffect(
    () =>
      follow(
        () => setRecord(space.get(collection, key)),
        (changed) => space.subscribe({ collection, key }, changed),
      ),
    [space, collection, key],
  );
  // Another record is another one at once, not at the next reading.
  return record?.key === key && record.collection === collection ? record : read();
}

/** Reads now, and again after changes: never twice without a rest between. */
export function follow(read: () => void, subscribe: (changed: () => void) => () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let restUntil = 0;
  const turn = (): void => {
    const began = performance.now();
    read();
    const took = performance.now() - began;
    restUntil = began + Math.max(PAUSE_MS, took * REST);
    timer = undefined;
  };
  const changed = (): void => {
    timer ??= setTimeout(
      () => {
        frame = requestAnimationFrame(turn);
      },
      Math.max(restUntil - performance.now(), 0),
    );
  };
  const stop = subscribe(changed);
  turn();
  return () => {
    stop();
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
