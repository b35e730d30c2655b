// A book's history as a small chart: how far it was read, over time.
//
// The line is what was current; positions that did not become so stand beside it as dots of the
// other colour. The list below the chart tells the same in words.

import { type PointerEvent, useMemo, useState } from "react";
import { day, moment } from "../hub/words";
import { percent } from "./bar";
import type { Entry } from "./shapes";

const WIDTH = 600;
const HEIGHT = 120;
/** The ends of the line are not cut off. */
const MARGIN = 4;

interface Point {
  readonly entry: Entry;
  readonly x: number;
  readonly y: number;
}

export function Chart({ entries }: { readonly entries: readonly Entry[] }) {
  const points = useMemo(() => pointsOf(entries), [entries]);
  const [at, setAt] = useState<Point>();
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) {
    return null;
  }
  const end = day(first.at_ms) === day(last.at_ms) ? moment : day;
  const pointed = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(nearest(points, ((event.clientX - box.left) / box.width) * WIDTH));
  };
  const label = `Progress from ${percent(first.share)} on ${day(first.at_ms)} to ${percent(last.share)} on ${day(last.at_ms)}`;
  return (
    <figure className="plot reading-chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        onPointerMove={pointed}
        onPointerLeave={() => setAt(undefined)}
      >
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <path key={share} className="ground" d={`M0 ${yOf(share)}H${WIDTH}`} />
        ))}
        <Line points={points} />
        {at && <path className="hair" d={`M${at.x} 0V${HEIGHT}`} />}
      </svg>
      <figcaption>
        {at === undefined ? (
          <>
            <span>{end(first.at_ms)}</span>
            <span>{end(last.at_ms)}</span>
          </>
        ) : (
          <>
            <span>{moment(at.entry.at_ms)}</span>
            <span>
              {at.entry.device} · {percent(at.entry.share)}
            </span>
          </>
        )}
      </figcaption>
    </figure>
  );
}

function Line({ points }: { readonly points: readonly Point[] }) {
  const current = points.filter(({ entry }) => entry.isCurrent);
  const others = points.filter(({ entry }) => !entry.isCurrent);
  const dots = (some: readonly Point[]): string => some.map(({ x, y }) => `M${x} ${y}h0`).join("");
  return (
    <>
      <g className="line first">
        <path className="stroke" d={stairs(current)} />
        <path className="dots" d={dots(current)} />
      </g>
      <g className="line second">
        <path className="dots" d={dots(others)} />
      </g>
    </>
  );
}

function pointsOf(entries: readonly Entry[]): readonly Point[] {
  const [begin, end] = [entries[0]?.came_ms ?? 0, entries.at(-1)?.came_ms ?? 0];
  const room = WIDTH - 2 * MARGIN;
  const x = (at_ms: number): number =>
    end === begin ? WIDTH / 2 : MARGIN + ((at_ms - begin) / (end - begin)) * room;
  return entries.map((entry) => ({ entry, x: round(x(entry.came_ms)), y: yOf(entry.share) }));
}

const yOf = (share: number): number => round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN));
const round = (value: number): number => Math.round(value * 10) / 10;

/** A position holds until the next one. */
function stairs(points: readonly Point[]): string {
  const [first, ...rest] = points;
  return first === undefined
    ? ""
    : `M${first.x} ${first.y}${rest.map(({ x, y }) => `H${x}V${y}`).join("")}`;
}

function nearest(points: readonly Point[], x: number): Point | undefined {
  return points.reduce<Point | undefined>(
    (best, point) =>
      best === undefined || Math.abs(point.x - x) < Math.abs(best.x - x) ? point : best,
    undefined,
  );
}
