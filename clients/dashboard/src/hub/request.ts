// One request to the hub's HTTP API, as the browser's session.
//
// Knows how refusals look and what a page of a list is; of routes only how they are spelt.

/** The hub said no. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, text: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

/** The hub did not answer, or not as one. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Pages of a list that are read at most: no person looks through more. */
const PAGES_MAX = 10;
const PAGE_ITEMS = 1000;

const unauthorized = new Set<(text: string) => void>();

/** Hears that the hub does not know this browser any more. */
export function onUnauthorized(listener: (text: string) => void): () => void {
  unauthorized.add(listener);
  return () => unauthorized.delete(listener);
}

/** Asks a route below `/hub/v1`, such as `GET /session`. */
export async function ask<T>(route: string, body?: unknown): Promise<T> {
  const json = { "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: json };
  const response = await send(route, sent);
  return (await response.json().catch(() => undefined)) as T;
}

/** Sends a file to a route, and hears its answer line by line, each of them JSON. */
export async function askLines(
  route: string,
  file: Blob,
  hear: (line: unknown) => void,
): Promise<void> {
  const { body } = await send(route, { body: file });
  const texts = body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await texts?.read(); read?.value !== undefined; read = await texts?.read()) {
    const lines = `${rest}${read.value}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      hear(JSON.parse(line));
    }
  }
}

interface Sent {
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request, unless it is a refusal. */
async function send(route: string, { headers = {}, ...sent }: Sent): Promise<Response> {
  const [method = "GET", path = ""] = route.split(" ");
  const all = { "syncline-csrf": "1", ...headers };
  const asked = fetch(`/hub/v1${path}`, { method, headers: all, ...sent, cache: "no-store" });
  const response = await asked.catch(() => {
    throw new UnreachableError("The hub cannot be reached.");
  });
  if (response.ok) {
    return response;
  }
  throw refusal(response.status, await response.json().catch(() => undefined), path);
}

/** A list, with all of its pages up to a limit. */
export async function askAll<T>(path: string): Promise<readonly T[]> {
  const found: T[] = [];
  let after: string | null = "";
  for (let page = 0; page < PAGES_MAX && after !== null; page += 1) {
    const mark = after === "" ? "" : `&after=${after}`;
    const answer: Page<T> = await ask(`GET ${path}?limit=${PAGE_ITEMS}${mark}`);
    found.push(...answer.items);
    after = answer.next;
  }
  return found;
}

/** A space's path; its slashes are escaped like everything else. */
export function spacePath(space: string, ...rest: readonly string[]): string {
  return ["/spaces", encodeURIComponent(space), ...rest.map(encodeURIComponent)].join("/");
}

/** Where one asks whether somebody may do something; without a principal, oneself. */
export function explainPath(space: string, asked: Readonly<Record<string, string>>): string {
  return `${spacePath(space, "acl", "explain")}?${new URLSearchParams(asked)}`;
}

/** What went wrong, in words for people. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

function refusal(status: number, answer: unknown, path: string): Error {
  const { code, text } = (answer ?? {}) as { readonly code?: unknown; readonly text?: unknown };
  if (typeof code !== "string" || typeof text !== "string") {
    return new UnreachableError(`The hub answered with status ${status}.`);
  }
  if (status === 401 && path !== "/session") {
    for (const listener of unauthorized) {
      listener(text);
    }
  }
  return new HubError(status, code, text);
}
