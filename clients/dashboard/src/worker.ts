// Serves the page when the hub cannot: a service worker that keeps the shell, and nothing else.
//
//   the page        from the hub, and kept; from what was kept when the hub does not answer
//   its assets      from what was kept, since a name never changes its content; else from the hub
//   anything else   is not touched: data has its own copy, which the client keeps
//
// Browsers allow it to secure pages only: https, and this machine's own address.

interface Extendable extends Event {
  readonly waitUntil: (work: Promise<unknown>) => void;
}

interface Fetched extends Extendable {
  readonly request: Request;
  readonly respondWith: (response: Promise<Response>) => void;
}

interface Worker extends EventTarget {
  readonly location: Location;
  readonly skipWaiting: () => Promise<void>;
  readonly clients: { readonly claim: () => Promise<void> };
}

const worker = self as unknown as Worker;
const SHELL = "syncline shell";
const PAGE = "/";

const on = <E extends Event>(type: string, heard: (event: E) => void): void =>
  worker.addEventListener(type, heard as (event: Event) => void);

on<Extendable>("install", (event) => {
  event.waitUntil(keepPage().then(() => worker.skipWaiting()));
});

on<Extendable>("activate", (event) => {
  event.waitUntil(worker.clients.claim());
});

on<Fetched>("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin) {
    return;
  }
  if (url.pathname === PAGE && request.mode === "navigate") {
    event.respondWith(page(event));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(asset(request));
  }
});

async function page(event: Fetched): Promise<Response> {
  const answer = await fetch(event.request).catch(() => undefined);
  if (answer?.ok === true) {
    event.waitUntil(keep(answer.clone()));
    return answer;
  }
  const kept = await (await caches.open(SHELL)).match(PAGE);
  return kept ?? answer ?? Response.error();
}

async function asset(request: Request): Promise<Response> {
  const kept = await (await caches.open(SHELL)).match(request);
  return kept ?? fetch(request);
}

async function keepPage(): Promise<void> {
  const answer = await fetch(PAGE, { cache: "no-cache" });
  if (!answer.ok) {
    throw new Error(`the hub answered with status ${answer.status}`);
  }
  await keep(answer);
}

/** Keeps a page with all that it names; what an older one named goes. */
async function keep(answer: Response): Promise<void> {
  const shell = await caches.open(SHELL);
  const text = await answer.clone().text();
  const named = new Set([...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path));
  const known = (await shell.keys()).map(({ url }) => new URL(url).pathname);
  // The page last: whoever finds it finds all that it needs.
  await shell.addAll([...named].filter((path) => !known.includes(path)));
  await shell.put(PAGE, answer);
  const stale = known.filter((path) => path !== PAGE && !named.has(path));
  await Promise.all(stale.map((path) => shell.delete(path)));
}
