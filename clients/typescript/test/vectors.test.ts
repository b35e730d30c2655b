// The golden vectors: the same bytes as every other client's.

import { describe, expect, test } from "vitest";
import { readApplied } from "../src/codec/delta.js";
import { bytesToHex, Reader } from "../src/codec/read.js";
import { hexToBytes } from "../src/codec/write.js";
import { decodeClient, decodeHub, encodeClient, encodeHub } from "../src/codec.js";
import type { Applied } from "../src/delta.js";
import { countRecord, type Digest, EMPTY_DIGEST, hashedBytes, hashField } from "../src/digest.js";
import { toFieldName } from "../src/name.js";
import { EMPTY_RECORD, merge, type RecordState } from "../src/record.js";
import {
  createClock,
  type HlcTime,
  millisOf,
  replicaOf,
  stampFromHex,
  stampOf,
  timeOf,
} from "../src/stamp.js";
import { toValue } from "../src/value.js";
import {
  appliedForm,
  clientForm,
  digestsForm,
  hubForm,
  type Json,
  recordForm,
  vectors,
} from "./forms.js";

interface Frame {
  readonly name: string;
  readonly from: "client" | "hub";
  readonly value: Json;
  readonly hex: string;
}

interface Malformed {
  readonly name: string;
  readonly from: "client" | "hub";
  readonly fault: string;
  readonly push: Json;
  readonly index: number | null;
  readonly hex: string;
}

interface Frames {
  readonly frames: Frame[];
  readonly unusual: Frame[];
  readonly malformed: Malformed[];
}

interface GoldenDelta {
  readonly value: Json;
  readonly hex: string;
}

const { frames, unusual, malformed } = vectors<Frames>("frames");

function form({ from, hex }: { from: "client" | "hub"; hex: string }): Json {
  const bytes = hexToBytes(hex);
  const decoded = from === "client" ? decodeClient(bytes) : decodeHub(bytes);
  if (decoded.type === "error") {
    throw decoded.error;
  }
  const { frame } = decoded;
  return from === "client" ? clientForm(frame as never) : hubForm(frame as never);
}

function written({ from, hex }: Frame): string {
  const bytes = hexToBytes(hex);
  const decoded = from === "client" ? decodeClient(bytes) : decodeHub(bytes);
  if (decoded.type === "error") {
    throw decoded.error;
  }
  const encode = from === "client" ? encodeClient : encodeHub;
  return bytesToHex(encode(decoded.frame as never));
}

function applied(hex: string): Applied {
  const reader = new Reader(hexToBytes(hex));
  const delta = readApplied(reader);
  reader.finish();
  return delta;
}

describe("frames", () => {
  test.each(frames.map((frame) => [frame.name, frame] as const))("%s", (_, frame) => {
    expect(form(frame)).toEqual(frame.value);
    expect(written(frame)).toBe(frame.hex);
  });

  test.each(unusual.map((frame) => [frame.name, frame] as const))("unusual %s", (_, frame) => {
    expect(form(frame)).toEqual(frame.value);
  });

  test.each(malformed.map((entry) => [entry.name, entry] as const))("malformed %s", (_, entry) => {
    const bytes = hexToBytes(entry.hex);
    const decoded = entry.from === "client" ? decodeClient(bytes) : decodeHub(bytes);
    expect(decoded.type).toBe("error");
    if (decoded.type === "error") {
      const { fault, push, index } = decoded.error;
      expect({ fault, push: push ?? null, index: index ?? null }).toEqual({
        fault: entry.fault,
        push: entry.push,
        index: entry.index,
      });
    }
  });
});

describe("merges", () => {
  const { merges } = vectors<{
    merges: { name: string; deltas: GoldenDelta[]; record: Json }[];
  }>("merges");

  const permutations = <T>(items: readonly T[]): T[][] =>
    items.length < 2
      ? [[...items]]
      : items.flatMap((first, at) =>
          permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest]),
        );

  test.each(merges.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
    const deltas = entry.deltas.map(({ hex }) => applied(hex));
    expect(deltas.map(appliedForm)).toEqual(entry.deltas.map(({ value }) => value));
    for (const order of permutations(deltas)) {
      let record: RecordState = EMPTY_RECORD;
      for (const delta of [...order, ...order.slice(0, 1)]) {
        record = merge(record, delta.stamp, delta.sequence, delta.op).record;
      }
      expect(recordForm(record)).toEqual(entry.record);
    }
  });
});

describe("digests", () => {
  interface Hash {
    name: string;
    value: { collection: string; key: string; field: string; stamp: string; value: string };
    input: string;
    hex: string;
  }
  interface Sum {
    name: string;
    deltas: GoldenDelta[];
    digests: Json;
  }
  const { hashes, sums } = vectors<{ hashes: Hash[]; sums: Sum[] }>("digests");

  test.each(hashes.map((entry) => [entry.name, entry] as const))("hash %s", (_, entry) => {
    const { collection, key, field, stamp, value } = entry.value;
    const at = stampFromHex(stamp);
    expect(at).toBeDefined();
    const register = {
      name: toFieldName(field),
      stamp: at ?? (stamp as never),
      sequence: 0,
      value: toValue(hexToBytes(value)),
    };
    expect(bytesToHex(hashedBytes([collection, key], register))).toBe(entry.input);
    const hash = hashField([collection, key], register);
    expect(hash.toString(16).padStart(32, "0")).toBe(entry.hex);
  });

  test.each(sums.map((entry) => [entry.name, entry] as const))("sum %s", (_, entry) => {
    const records = new Map<string, { delta: Applied; record: RecordState }>();
    for (const delta of entry.deltas.map(({ hex }) => applied(hex))) {
      const name = `${delta.collection}\0${delta.key}`;
      const before = records.get(name)?.record ?? EMPTY_RECORD;
      const { record } = merge(before, delta.stamp, delta.sequence, delta.op);
      records.set(name, { delta, record });
    }
    const digests = new Map<string, Digest>();
    for (const { delta, record } of records.values()) {
      const { collection, key } = delta;
      const before = digests.get(collection) ?? EMPTY_DIGEST;
      digests.set(collection, countRecord(before, [collection, key], record, 1));
    }
    const shown = [...digests].filter(([, { fields }]) => fields > 0);
    expect(digestsForm(shown)).toEqual(entry.digests);
  });
});

describe("stamps", () => {
  interface GoldenStamp {
    name: string;
    value: { millis: number; counter: number; replica: string };
    hex: string;
  }
  interface Step {
    tick?: number;
    observe?: string;
    now?: number;
    taken?: boolean;
    last: string;
  }
  interface GoldenClock {
    name: string;
    last: string;
    steps: Step[];
  }
  const { stamps, clocks } = vectors<{ stamps: GoldenStamp[]; clocks: GoldenClock[] }>("stamps");
  const time = (digits: string): HlcTime => BigInt(`0x${digits}`) as HlcTime;

  test.each(stamps.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
    const stamp = stampFromHex(entry.hex);
    expect(stamp).toBe(entry.hex);
    if (stamp !== undefined) {
      const { millis, counter, replica } = entry.value;
      expect(millisOf(timeOf(stamp))).toBe(millis);
      expect(Number(timeOf(stamp) & 0xffffn)).toBe(counter);
      expect(replicaOf(stamp)).toBe(replica);
      expect(stampOf(timeOf(stamp), replicaOf(stamp))).toBe(stamp);
    }
  });

  test("they sort as they stand", () => {
    const hex = stamps.map((entry) => entry.hex);
    expect(hex.toSorted()).toEqual(hex);
  });

  test.each(clocks.map((entry) => [entry.name, entry] as const))("clock %s", (_, entry) => {
    const clock = createClock(time(entry.last));
    for (const step of entry.steps) {
      if (step.tick !== undefined) {
        clock.tick(step.tick);
      } else if (step.observe !== undefined) {
        const taken = clock.observeWithin(time(step.observe), step.now ?? 0, 60_000);
        expect(taken).toBe(step.taken);
      }
      expect(clock.last()).toBe(time(step.last));
    }
  });
});
