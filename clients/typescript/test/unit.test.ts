// The small rooms by themselves: names, order, hashes, values, plain values, addresses.

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bytesToHex } from "../src/codec/read.js";
import { hexToBytes, Writer } from "../src/codec/write.js";
import { decodeClient, decodeHub } from "../src/codec.js";
import {
  spaceNameOf,
  toCollectionName,
  toFieldName,
  toRecordKey,
  toSpaceName,
  utf8Length,
} from "../src/name.js";
import { Extension, fromPlain, type Plain, PlainError, toPlain } from "../src/plain.js";
import { CODES, codeFromWord, isRetryable } from "../src/reject.js";
import { sha256 } from "../src/sha256.js";
import { toAddress } from "../src/socket.js";
import { compareText, SortedMap, SortedNumbers } from "../src/sorted.js";
import { compareValues, measure, NESTING_MAX, toValue } from "../src/value.js";
import { createRandom } from "./differential/history.js";
import { vectors } from "./forms.js";

describe("names", () => {
  test("a space has one spelling", () => {
    for (const good of ["a", "linkora/alice", "x.y_z-0", "caf%C3%A9", "a/b/c"]) {
      expect(toSpaceName(good)).toBe(good);
    }
    for (const bad of [
      "",
      "/",
      "a/",
      "A",
      "a b",
      "*",
      "%2A",
      "%61",
      "%4",
      "%c3",
      ".",
      "a/..",
      "é",
    ]) {
      expect(() => toSpaceName(bad), bad).toThrow("space name");
    }
    expect(spaceNameOf("linkora", "Ann/é")).toBe("linkora/%41nn%2F%C3%A9");
    expect(() => spaceNameOf("a", "..")).toThrow("space name");
  });

  test("lengths count bytes, and texts are whole", () => {
    expect(toRecordKey("é".repeat(512))).toBeDefined();
    expect(() => toRecordKey("é".repeat(513))).toThrow("1024 bytes");
    expect(() => toCollectionName("c".repeat(65))).toThrow("64 bytes");
    expect(() => toFieldName("a\nb")).toThrow("control");
    expect(() => toFieldName("a\ud800")).toThrow("surrogate");
    for (const text of ["", "abc", "é", "\u{ffee}", "\u{1f4a1}x"]) {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
    }
  });
});

describe("order", () => {
  test("texts compare as their bytes do", () => {
    const texts = [
      "",
      "a",
      "ab",
      "b",
      "é",
      "\u{d7ff}",
      "\u{e000}",
      "\u{ffee}",
      "\u{10000}",
      "\u{1f4a1}",
    ];
    const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    for (const one of texts) {
      for (const other of texts) {
        expect(Math.sign(compareText(one, other))).toBe(byBytes(one, other));
      }
    }
  });

  test("a sorted map is one, whatever is done to it", () => {
    const random = createRandom(7);
    const [sorted, plain] = [new SortedMap<string, number>(), new Map<string, number>()];
    for (let step = 0; step < 3_000; step += 1) {
      const key = `k${random(50)}${random(3) === 0 ? "\u{1f4a1}" : ""}`;
      if (random(3) === 0) {
        expect(sorted.delete(key)).toBe(plain.delete(key));
      } else {
        sorted.set(key, step);
        plain.set(key, step);
      }
      if (random(20) === 0) {
        const expected = [...plain].sort(([a], [b]) => compareText(a, b));
        expect([...sorted.entries()]).toEqual(expected);
        const from = expected.map(([at]) => at).filter((at) => at.startsWith("k1"));
        expect(sorted.keysFrom("k1")).toEqual(from);
      }
    }
  });

  test("sorted numbers are", () => {
    const numbers = new SortedNumbers();
    for (const number of [5, 1, 3, 1, 9]) {
      numbers.add(number);
    }
    numbers.delete(3);
    numbers.delete(4);
    expect([numbers.all(), numbers.first(2), numbers.has(9), numbers.size]).toEqual([
      [1, 5, 9],
      [1, 5],
      true,
      3,
    ]);
  });
});

test("sha256 is the platform's, at every length around its blocks", () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 7 + length) & 0xff);
    const expected = createHash("sha256").update(bytes).digest("hex");
    expect(bytesToHex(sha256(bytes))).toBe(expected);
  }
});

describe("values", () => {
  test("whole ones are taken and others are not", () => {
    const faults: [string, string][] = [
      ["", "cut short"],
      ["9201", "cut short"],
      ["0102", "bytes follow"],
      ["c1", "0xc1"],
      ["a1ff", "UTF-8"],
      ["ddffffffff", "cut short"],
      [`${"91".repeat(NESTING_MAX + 1)}c0`, "nests"],
      ["91".repeat(100_000), "nests"],
    ];
    for (const [hex, text] of faults) {
      expect(() => toValue(hexToBytes(hex)), hex.slice(0, 20)).toThrow(text);
    }
    expect(toValue(hexToBytes(`${"91".repeat(NESTING_MAX)}c0`))).toBeDefined();
    const [a, b] = [toValue(hexToBytes("02")), toValue(hexToBytes("cc01"))];
    expect(compareValues(a, b)).toBeLessThan(0);
  });

  test("plain values come back as they were", () => {
    const plains: Plain[] = [
      null,
      true,
      false,
      0,
      1,
      -1,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32,
      -32,
      -33,
      -128,
      -129,
      -32_768,
      -32_769,
      -(2 ** 31),
      -(2 ** 31) - 1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2n ** 64n - 1n,
      -(2n ** 63n),
      1.5,
      -0.1,
      1e300,
      Infinity,
      NaN,
      -0,
      "",
      "hä",
      "x".repeat(40),
      "y".repeat(300),
      "z".repeat(70_000),
      Uint8Array.of(1, 2, 3),
      new Uint8Array(300),
      [],
      [1, [2, [3]]],
      {},
      { a: { b: [null] } },
      new Map<Plain, Plain>([
        [1, "one"],
        [null, 2],
      ]),
      new Extension(5, Uint8Array.of(1, 2, 3)),
      new Extension(-7, new Uint8Array(16)),
      new Date(0),
      new Date(1_700_000_000_123),
      new Date(-1),
      new Date(2 ** 34 * 1000),
      Array.from({ length: 20 }, (_, at) => at),
      JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as Plain,
    ];
    for (const plain of plains) {
      const value = fromPlain(plain);
      expect(measure(value, 0)).toBe(value.length);
      expect(toPlain(value)).toEqual(plain);
    }
    expect(toPlain(fromPlain(7n))).toBe(7);
    expect(toPlain(toValue(hexToBytes("ca3fc00000")))).toBe(1.5);
    expect(toPlain(toValue(hexToBytes("d3ffffffffffffffff")))).toBe(-1);
    expect(toPlain(fromPlain({ a: undefined, b: 1 }))).toEqual({ b: 1 });
  });

  test("what no field can hold is refused with the way to it", () => {
    const refused: [unknown, string][] = [
      [{ a: [1, Symbol("x")] }, "a.1: a field cannot hold symbol"],
      [{ a: { b: 2n ** 64n } }, "a.b: an integer has at most 64 bits"],
      [["\ud800"], "0: a text holds half"],
      [{ when: new Date(Number.NaN) }, "when: the date is invalid"],
      [{ set: new Set([1]) }, "set: a field holds plain objects"],
      [Array.from({ length: 33 }).reduce((inner) => [inner], 1), "nests at most 32"],
    ];
    for (const [plain, text] of refused) {
      expect(() => fromPlain(plain)).toThrow(PlainError);
      expect(() => fromPlain(plain)).toThrow(text);
    }
  });
});

describe("hostile bytes", () => {
  test("cut, flipped and random ones are an error, and never anything worse", () => {
    const { frames } = vectors<{ frames: { hex: string }[] }>("frames");
    const random = createRandom(42);
    const read = (bytes: Uint8Array): void => {
      for (const decode of [decodeHub, decodeClient]) {
        expect(["frame", "error"]).toContain(decode(bytes).type);
      }
    };
    for (const { hex } of frames) {
      const bytes = hexToBytes(hex);
      for (let end = 0; end < bytes.length; end += 1) {
        read(bytes.subarray(0, end));
      }
      for (let flip = 0; flip < 40; flip += 1) {
        const other = bytes.slice();
        other[random(other.length)] = random(256);
        read(other);
      }
    }
    for (let round = 0; round < 3_000; round += 1) {
      const head = [0x90 | random(10), random(48)];
      read(Uint8Array.from([...head, ...Array.from({ length: random(60) }, () => random(256))]));
    }
  });

  test("a writer chooses the shortest form", () => {
    const hex = (write: (writer: Writer) => unknown): string => {
      const writer = new Writer();
      write(writer);
      return bytesToHex(writer.finish());
    };
    expect(hex((writer) => writer.uint(127).uint(128).uint(256).uint(65_536))).toBe(
      "7fcc80cd0100ce00010000",
    );
    expect(hex((writer) => writer.uint(2 ** 40))).toBe("cf0000010000000000");
    expect(hex((writer) => writer.array(16).map(16))).toBe("dc0010de0010");
  });
});

test("codes are those of the table, and unknown ones are internal", () => {
  expect(Object.keys(CODES).length).toBe(27);
  expect([codeFromWord("busy"), codeFromWord("novel"), codeFromWord("toString")]).toEqual([
    "busy",
    "internal",
    "internal",
  ]);
  expect([isRetryable("busy"), isRetryable("forbidden")]).toEqual([true, false]);
});

test("addresses lead to the hub's door", () => {
  const cases: [string, string, string][] = [
    ["ws://127.0.0.1:7962", "ws://127.0.0.1:7962/ws", "http://127.0.0.1:7962"],
    ["https://hub.example/", "wss://hub.example/ws", "https://hub.example"],
    ["ws://hub.example/sync/", "ws://hub.example/sync/ws", "http://hub.example/sync"],
    ["ws://[::1]:9/ws", "ws://[::1]:9/ws", "http://[::1]:9"],
  ];
  for (const [url, socket, http] of cases) {
    expect(toAddress(url)).toEqual({ socket, http });
  }
  for (const wrong of ["", "hub", "ftp://hub", "ws://", "ws://a@b", "ws://hub?x=1", "/ws"]) {
    expect(() => toAddress(wrong), wrong).toThrow("address of a hub");
  }
});
