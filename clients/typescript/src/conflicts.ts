// The hub's kept conflicts over HTTP: what last write wins threw away, seen and brought back.

import type { Environment } from "./environment.js";
import type { SpaceName } from "./name.js";
import { type Code, codeFromWord, type Reject } from "./reject.js";
import type { Address } from "./socket.js";

/** Whoever stamped a write. */
export interface Writer {
  readonly stamp: string;
  readonly account: string | null;
  readonly device: string | null;
  /** The device's name; escape it before showing it. */
  readonly name: string | null;
}

/** A write that another one displaced without having seen it. Values are in the hub's JSON form. */
export interface HubConflict {
  readonly id: string;
  readonly collection: string;
  readonly key: string;
  readonly field: string;
  /** What was discarded; absent when it was a drop of the field. */
  readonly value?: unknown;
  readonly dropped: boolean;
  /** When the hub noticed, in milliseconds since 1970. */
  readonly at_ms: number;
  readonly loser: Writer;
  readonly winner: Writer;
  /** What the field shows now; absent when it shows nothing. */
  readonly current?: unknown;
  /** Whether the field shows what was discarded: nothing is left to bring back. */
  readonly restored: boolean;
}

/** A request to the hub that failed. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  /** The hub's refusal; none when there was no answer, or not one of a hub. */
  readonly reject: Reject | undefined;

  constructor(text: string, reject?: Reject) {
    super(text);
    this.reject = reject;
  }
}

/** The routes of one space's conflicts. */
export interface Conflicts {
  /** What the hub keeps of a space, under the rights of the token. Fails with `HttpError`. */
  readonly list: () => Promise<readonly HubConflict[]>;
  /** Brings one back: a write like any other; gives its sequence. Fails with `HttpError`. */
  readonly restore: (id: string) => Promise<number>;
}

/** The hub gives lists in pages; the next begins after what `next` says. */
interface Page {
  readonly items: readonly HubConflict[];
  readonly next: string | null;
}

/** Asks the hub at `address` with the token that `getToken` gives. */
export function createConflicts(
  environment: Environment,
  address: Address,
  getToken: () => string | Promise<string>,
  space: SpaceName,
): Conflicts {
  const route = `${address.http}/hub/v1/spaces/${encodeURIComponent(space)}/conflicts`;
  const request = async (url: string, method: "GET" | "POST"): Promise<unknown> => {
    if (environment.fetch === undefined) {
      throw new HttpError("there is no fetch here; hand one in with the environment");
    }
    const headers = { authorization: `Bearer ${await getToken()}` };
    const response = await environment.fetch(url, { method, headers }).catch((error: unknown) => {
      throw new HttpError(`${url} cannot be reached: ${String(error)}`);
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      throw refusal(response.status, body);
    }
    return body;
  };
  return {
    list: async () => {
      const found: HubConflict[] = [];
      let after: string | null = "";
      while (after !== null) {
        const page = (await request(`${route}?limit=1000&after=${after}`, "GET")) as Page;
        found.push(...page.items);
        after = page.next;
      }
      return found;
    },
    restore: async (id) => {
      const answer = await request(`${route}/${encodeURIComponent(id)}/restore`, "POST");
      return (answer as { readonly sequence: number }).sequence;
    },
  };
}

function refusal(status: number, body: unknown): HttpError {
  const { code, text } = (body ?? {}) as { readonly code?: unknown; readonly text?: unknown };
  if (typeof code !== "string" || typeof text !== "string") {
    return new HttpError(`the hub answered with status ${status}`);
  }
  const known: Code = codeFromWord(code);
  return new HttpError(`${code}: ${text}`, { code: known, text, index: undefined });
}
