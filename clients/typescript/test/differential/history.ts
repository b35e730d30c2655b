// Random histories for two replicas to live through, drawn from a seed.

export type Step = readonly [what: string, one?: number, two?: number];

/** A random number from 0 to below `bound`, by Mulberry32: small, seeded, good enough to wander. */
export function createRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), 61 | bits);
    return ((bits ^ (bits >>> 14)) >>> 0) % bound;
  };
}

/** What may happen, and how often. */
const WEIGHTS: Readonly<Record<string, number>> = {
  write: 40,
  write_many: 12,
  write_guarded: 8,
  hub_writes: 45,
  hub_takes: 60,
  client_takes: 70,
  wait: 25,
  wake: 15,
  save: 6,
  reopen: 4,
  check: 6,
  lose_to_hub: 3,
  lose_to_client: 6,
  repeat: 6,
  double: 3,
  swap: 4,
  cut: 6,
  reachable: 3,
  skew: 2,
  compact: 5,
  purge: 3,
  bury: 4,
  backup: 4,
  restore: 4,
  renew: 1,
  refuse: 4,
  heartbeat: 6,
  withdraw: 4,
  view: 3,
  end: 3,
  digests: 2,
  goodbye: 2,
  says: 2,
  joins: 2,
  garbage: 1,
  verify: 5,
  signal: 2,
  presence: 3,
  close: 2,
  forget: 1,
  open: 4,
  stop: 1,
  start: 4,
  token: 2,
  retry: 3,
};

const BAG = Object.entries(WEIGHTS).flatMap(([what, weight]) => Array<string>(weight).fill(what));

/** Larger numbers where a step counts milliseconds or seconds. */
const BOUNDS: Readonly<Record<string, number>> = {
  wake: 40_000,
  skew: 600,
  hub_takes: 6,
  client_takes: 12,
  reachable: 4,
  renew: 9,
};

/** A history that begins with a connection, so that most of it happens in a session. */
export function drawHistory(seed: number): Step[] {
  const random = createRandom(seed);
  const steps: Step[] = [["wait"], ["hub_takes", 9], ["client_takes", 9], ["hub_takes", 9]];
  const length = 10 + random(130);
  for (let at = 0; at < length; at += 1) {
    const what = BAG[random(BAG.length)] ?? "check";
    steps.push([what, random(BOUNDS[what] ?? 100), random(100)]);
  }
  // Most histories end in peace, so that they also compare what both have learnt.
  if (random(4) > 0) {
    steps.push(["refuse", 23], ["reachable", 1], ["start"], ["open", 0]);
    for (let round = 0; round < 3; round += 1) {
      steps.push(["wait"], ["hub_takes", 50], ["client_takes", 99]);
    }
  }
  return steps;
}
