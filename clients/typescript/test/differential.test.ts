// The Rust replica and this one live through the same random histories and must agree on every
// action, every byte sent and saved, every record and every digest.
//
// SYNCLINE_HISTORIES sets how many; SYNCLINE_SEED where to begin.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cargo } from "./cargo.js";
import { drawHistory } from "./differential/history.js";
import { type Call, createPlayer, describe } from "./differential/player.js";

const HISTORIES = Number(process.env["SYNCLINE_HISTORIES"] ?? 2_000);
const FIRST_SEED = Number(process.env["SYNCLINE_SEED"] ?? 1);
/** So many are on their way at once, so that both sides are busy. */
const AHEAD = 8;

let rust: ChildProcessWithoutNullStreams;

beforeAll(async () => {
  const folder = fileURLToPath(new URL("../../..", import.meta.url));
  const program = await cargo({
    package: "syncline-protocol",
    kind: "example",
    name: "differential",
  });
  rust = spawn(program, { cwd: folder });
  rust.stderr.pipe(process.stderr);
});

afterAll(() => {
  rust?.stdin.end();
});

test(`${HISTORIES} histories end alike in Rust and here`, async () => {
  const lines = createInterface({ input: rust.stdout })[Symbol.asyncIterator]();
  const ask = (seed: number): unknown =>
    seed < FIRST_SEED + HISTORIES && rust.stdin.write(`${JSON.stringify(drawHistory(seed))}\n`);
  for (let seed = FIRST_SEED; seed < FIRST_SEED + AHEAD; seed += 1) {
    ask(seed);
  }
  const seen = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed += 1) {
    const line = await lines.next();
    expect(line.done, `the Rust program died at seed ${seed}`).toBe(false);
    ask(seed + AHEAD);
    compare(JSON.parse(String(line.value)) as Call[], seed, seen);
  }
  // A test that compares nothing would pass: what matters must have happened, and often.
  for (const what of ["acked", "rejected", "conflict", "diverged", "verified", "progress"]) {
    expect(seen.get(what) ?? 0, `no history had the event ${what}`).toBeGreaterThan(
      HISTORIES / 100,
    );
  }
}, 600_000);

function compare(transcript: readonly Call[], seed: number, seen: Map<string, number>): void {
  const play = createPlayer();
  for (const [at, call] of transcript.entries()) {
    const outcome = play(call);
    for (const action of (call["actions"] ?? []) as { event?: { type: string } }[]) {
      const type = action.event?.type ?? "none";
      seen.set(type, (seen.get(type) ?? 0) + 1);
    }
    // Deep equality of the test runner is slow, and only its report is wanted.
    if (!isDeepStrictEqual(outcome, call)) {
      expect(outcome, `seed ${seed}, call ${at}: ${describe(call)}`).toEqual(call);
    }
  }
}
