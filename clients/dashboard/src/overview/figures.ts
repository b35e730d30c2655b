// The hub's figures over the last minutes, sampled once a second while the overview is looked at.
//
// The hub counts since its start; what happened in between two samples is the difference. A hub
// that counts from nothing again has been restarted: the differences begin anew.

import { useEffect, useSyncExternalStore } from "react";
import { repeat } from "../hub/answer";
import { ask } from "../hub/request";
import type { Latency, Overview } from "../hub/shapes";

/** One moment. */
export interface Sample {
  readonly at_ms: number;
  readonly sessions: number;
  /** Deltas a second since the sample before. */
  readonly in_rate: number;
  readonly out_rate: number;
  /** Of what happened in the last seconds, in seconds; nothing when nothing did. */
  readonly commit_p50: number | undefined;
  readonly commit_p99: number | undefined;
  readonly delivery_p50: number | undefined;
  readonly delivery_p99: number | undefined;
  readonly store_bytes: number;
}

export interface Figures {
  readonly samples: readonly Sample[];
  readonly latest: Overview | undefined;
  readonly error: Error | undefined;
}

const EVERY_MS = 1_000;
/** Three minutes. */
const SAMPLES_MAX = 180;
/** Latencies are of so many of the last answers: a second alone has too few. */
const WINDOW = 10;

let figures: Figures = { samples: [], latest: undefined, error: undefined };
let recent: readonly { readonly at_ms: number; readonly overview: Overview }[] = [];
const listeners = new Set<() => void>();

/** The figures, kept fresh while the component is there. */
export function useFigures(): Figures {
  useEffect(() => repeat(EVERY_MS, sample), []);
  return useSyncExternalStore(subscribe, () => figures);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

async function sample(): Promise<void> {
  const asked = await ask<Overview>("GET /overview").then(
    (latest) => ({ latest }),
    (error: Error) => ({ error }),
  );
  if ("latest" in asked) {
    take(asked.latest, Date.now());
  } else {
    figures = { ...figures, error: asked.error };
  }
  for (const listener of listeners) {
    listener();
  }
}

function take(latest: Overview, at_ms: number): void {
  const before = recent.at(-1);
  const isRestarted = before !== undefined && latest.commit.count < before.overview.commit.count;
  const kept = isRestarted ? [] : recent;
  const next = sampleOf(latest, at_ms, kept);
  recent = [...kept, { at_ms, overview: latest }].slice(-WINDOW);
  const samples = next === undefined ? figures.samples : [...figures.samples, next];
  figures = { samples: samples.slice(-SAMPLES_MAX), latest, error: undefined };
}

function sampleOf(latest: Overview, at_ms: number, kept: typeof recent): Sample | undefined {
  const [first, before] = [kept[0], kept.at(-1)];
  if (first === undefined || before === undefined) {
    return undefined;
  }
  // The hub's own clock: an answer that was long on its way changes no rate.
  const { stats } = before.overview;
  const seconds = Math.max((latest.stats.hub_ms - stats.hub_ms) / 1000, 0.05);
  const commit = quantiles(first.overview.commit, latest.commit);
  const delivery = quantiles(first.overview.delivery, latest.delivery);
  return {
    at_ms,
    sessions: latest.stats.sessions,
    in_rate: Math.max(latest.stats.deltas_in - stats.deltas_in, 0) / seconds,
    out_rate: Math.max(latest.stats.deltas_out - stats.deltas_out, 0) / seconds,
    commit_p50: commit(0.5),
    commit_p99: commit(0.99),
    delivery_p50: delivery(0.5),
    delivery_p99: delivery(0.99),
    store_bytes: (latest.stats.store_bytes ?? 0) + latest.stats.journal_bytes,
  };
}

/** The quantiles of what happened between two answers, read off the buckets' bounds. */
function quantiles(from: Latency, to: Latency): (share: number) => number | undefined {
  const total = to.count - from.count;
  const counts = to.buckets.map(({ seconds_max, count }, at) => {
    return { seconds_max, count: count - (from.buckets[at]?.count ?? 0) };
  });
  return (share) => {
    if (total <= 0) {
      return undefined;
    }
    const wanted = share * total;
    const at = counts.findIndex(({ count }) => count >= wanted);
    const [bucket, below] = [counts[at], counts[at - 1]];
    if (bucket === undefined) {
      return counts.at(-1)?.seconds_max;
    }
    const [floor, under] = [below?.seconds_max ?? 0, below?.count ?? 0];
    const part = (wanted - under) / Math.max(bucket.count - under, 1);
    return floor + (bucket.seconds_max - floor) * part;
  };
}
