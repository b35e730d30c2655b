// Which links are shown, and in which order. Pure.

import { compareTexts, type Library, type Link, placesOf } from "./model";

export const ORDERS = {
  newest: "newest first",
  changed: "last changed",
  title: "by title",
  site: "by site",
} as const;
export type Order = keyof typeof ORDERS;

/** What a link is called. */
export const called = ({ title, url }: Link): string => title.trim() || url;

/** Made by this page a moment ago, and without an id yet: that is as new as can be. */
const age = ({ id }: Link): number => id ?? Number.MAX_SAFE_INTEGER;

const COMPARE: Readonly<Record<Order, (a: Link, b: Link) => number>> = {
  newest: (a, b) => age(b) - age(a),
  changed: (a, b) => (b.modified_s ?? Infinity) - (a.modified_s ?? Infinity) || age(b) - age(a),
  title: (a, b) => compareTexts(called(a), called(b)),
  site: (a, b) => compareTexts(a.site, b.site) || compareTexts(called(a), called(b)),
};

const TEXTS = new WeakMap<Link, string>();

/** What is looked through, made once for each state of a link. */
function textOf(link: Link): string {
  let text = TEXTS.get(link);
  if (text === undefined) {
    text = `${link.title}\n${link.url}\n${link.note}`.toLowerCase();
    TEXTS.set(link, text);
  }
  return text;
}

/** The links of a place, or those everywhere that have every word of a search. */
export function found(
  library: Library,
  place: string,
  search: string,
  order: Order,
): readonly Link[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const wanted = words.length === 0 ? inPlace(place) : withWords(library, words, place);
  return library.links.filter(wanted).sort(COMPARE[order]);
}

function inPlace(place: string): (link: Link) => boolean {
  return (link) => placesOf(link).includes(place);
}

/** A word may be part of a title, an address, a note or the name of a tag. */
function withWords(
  library: Library,
  words: readonly string[],
  place: string,
): (link: Link) => boolean {
  const tagged = words.map((word) => {
    const tags = [...library.tags.values()].filter(({ name }) => name.toLowerCase().includes(word));
    return new Set(tags.map(({ key }) => key));
  });
  // What was only visited is found where visits are.
  const isHistory = place === "history";
  return (link) =>
    (link.type === "HISTORY_LINK") === isHistory &&
    words.every((word, at) => {
      return textOf(link).includes(word) || link.tags.some((tag) => tagged[at]?.has(tag));
    });
}
