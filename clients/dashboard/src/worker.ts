// Serves the page when the hub cannot: a service worker that keeps the shell, and nothing else.
//
//   the page        from the hub, and kept; from what was kept when the hub does not answer
//   its assets      from what was kept, since a name never changes its content; else from the hub
//   parts that the page fetches later are kept with the rest, so that each can be had offline
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

/** Keeps a page with all that it may load; what an older one loaded goes. */
async function keep(answer: Response): Promise<void> {
  const shell = await caches.open(SHELL);
  const text = await answer.clone().text();
  const known = (await shell.keys()).map(({ url }) => new URL(url).pathname);
  const add = (paths: readonly string[]): Promise<void> =>
    shell.addAll(paths.filter((path) => !known.includes(path)));
  // The page last: whoever finds it finds all that it needs.
  const first = namedIn(text, /"\/(assets\/[^"]+)"/g);
  await add(first);
  const later = await fetchedLater(shell, first);
  await add(later);
  await shell.put(PAGE, answer);
  const stale = known.filter((path) => ![PAGE, ...first, ...later].includes(path));
  await Promise.all(stale.map((path) => shell.delete(path)));
}

/** What the scripts name: parts of the page that they fetch when somebody first looks at them. */
async function fetchedLater(shell: Cache, first: readonly string[]): Promise<readonly string[]> {
  const scripts = first.filter((path) => path.endsWith(".js"));
  const texts = scripts.map(async (path) => (await shell.match(path))?.text() ?? "");
  const named = (await Promise.all(texts)).flatMap((text) =>
    namedIn(text, /["'`](assets\/[\w.-]+\.(?:js|css))["'`]/g),
  );
  return [...new Set(named)].filter((path) => !first.includes(path));
}

function namedIn(text: string, pattern: RegExp): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, path = ""]) => `/${path}`))];
}
