// Addresses: which may become links, what a person meant who typed one, and where apps find the
// hub. Pure.

import type { Info } from "./info";

/** What is opened by a click. Anything else, such as `javascript:`, stays text for ever. */
export function openable(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === "https:" || url?.protocol === "http:" ? url.href : undefined;
}

const BARE_HOST = /^[\p{L}\p{N}.-]+(:\d+)?([/?#]|$)/u;

/** An address as it was typed, with its scheme. */
export function tidied(text: string): string {
  const typed = text.trim();
  return BARE_HOST.test(typed) ? `https://${typed}` : typed;
}

/** The host of an address, without what says nothing. */
export function siteOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.host.replace(/^www\./, "") ?? "";
}

const isLoopback = (host: string): boolean => /^(localhost|127\.|\[::1\])/.test(host);

/** An address that only this machine can reach. */
export function isOnlyHere(address: string): boolean {
  return URL.canParse(address) && isLoopback(new URL(address).hostname);
}

/** What to type into an app, the best first. `here` is the page's own address. */
export function addressesOf(info: Info, here: URL): readonly string[] {
  const port = here.port === "" ? "" : `:${here.port}`;
  const named = info.hosts.filter((host) => !host.startsWith("*"));
  return [
    ...named.map((host) => `${here.protocol}//${host}${port}/`),
    ...info.ports.map((own) => `${here.protocol}//${here.hostname}:${own}/`),
    `${here.origin}${info.prefix}`,
  ];
}
