// SHA-256 (FIPS 180-4), at once and without a dependency: digests are kept as records change,
// in the middle of a merge, where the browser's own asynchronous hash cannot be waited for.

const WORDS = 64;
const BLOCK_BYTES = 64;

/** The fractions of the roots of the first primes, as the standard derives its constants. */
function constants(root: number, count: number): Uint32Array {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate += 1) {
    const isPrime = !Array.from({ length: candidate - 2 }).some(
      (_, at) => candidate % (at + 2) === 0,
    );
    if (isPrime) {
      found.push(fraction(candidate, root));
    }
  }
  return Uint32Array.from(found);
}

/** The first 32 bits of the fraction of a number's square (2) or cube (3) root, exactly. */
function fraction(number: number, root: number): number {
  const target = BigInt(number) << BigInt(32 * root);
  let [low, high] = [0n, BigInt(number) << 32n];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** BigInt(root) <= target) {
      low = middle;
    } else {
      high = middle - 1n;
    }
  }
  return Number(low & 0xffff_ffffn);
}

const ROUND = /* @__PURE__ */ constants(3, WORDS);
const START = /* @__PURE__ */ constants(2, 8);
const schedule = /* @__PURE__ */ new Uint32Array(WORDS);

/** The 32 bytes of the hash of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const state = START.slice();
  const padded = pad(bytes);
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) {
    mix(state, view, at);
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (const [at, word] of state.entries()) {
    hash.setUint32(at * 4, word);
  }
  return new Uint8Array(hash.buffer);
}

/** A one, zeros, and the length in bits, to whole blocks. */
function pad(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil((bytes.length + 9) / BLOCK_BYTES);
  const padded = new Uint8Array(blocks * BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  return padded;
}

function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function expand(view: DataView, at: number): void {
  for (let i = 0; i < 16; i += 1) {
    schedule[i] = view.getUint32(at + i * 4);
  }
  for (let i = 16; i < WORDS; i += 1) {
    const [far, near] = [schedule[i - 15] ?? 0, schedule[i - 2] ?? 0];
    const low = turn(far, 7) ^ turn(far, 18) ^ (far >>> 3);
    const high = turn(near, 17) ^ turn(near, 19) ^ (near >>> 10);
    schedule[i] = (schedule[i - 16] ?? 0) + low + (schedule[i - 7] ?? 0) + high;
  }
}

function mix(state: Uint32Array, view: DataView, at: number): void {
  expand(view, at);
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < WORDS; i += 1) {
    const high = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const choice = (e & f) ^ (~e & g);
    const one = (h + high + choice + (ROUND[i] ?? 0) + (schedule[i] ?? 0)) | 0;
    const low = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + low + majority) | 0;
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) {
    state[i] = (state[i] ?? 0) + word;
  }
}
