// A small plot of the last minutes: lines over time, the scale in words, nothing else.

import { type PointerEvent, useState } from "react";

export interface Line {
  readonly name: string;
  /** Which of the stylesheet's colours. */
  readonly tone: "first" | "second";
  readonly values: readonly (number | undefined)[];
}

interface PlotProps {
  readonly label: string;
  readonly lines: readonly Line[];
  /** How many values the width holds; the newest stand at the right. */
  readonly length: number;
  readonly words: (value: number) => string;
  /** The plot begins at nothing, unless what matters is how it changes. */
  readonly isFromZero?: boolean;
}

const WIDTH = 300;
const HEIGHT = 64;

export function Plot(props: PlotProps) {
  const { label, lines, length, words, isFromZero = true } = props;
  const [at, setAt] = useState<number>();
  const values = lines.flatMap((line) => line.values.filter((value) => value !== undefined));
  const most = values.length === 0 ? 0 : Math.max(...values);
  const least = isFromZero || values.length === 0 ? 0 : Math.min(...values);
  const room = Math.max(most - least, isFromZero ? 1e-9 : most * 0.01, 1e-9);
  const y = (value: number): number => HEIGHT - ((value - least) / room) * (HEIGHT - 4) - 1;
  const x = (index: number, count: number): number =>
    ((length - count + index) / (length - 1)) * WIDTH;

  const pointed = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.round((1 - (event.clientX - box.left) / box.width) * (length - 1)));
  };
  return (
    <figure className="plot">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        onPointerMove={pointed}
        onPointerLeave={() => setAt(undefined)}
      >
        <path className="ground" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {lines.map(({ name, tone, values }) => {
          const path = pathOf(values, x, y);
          return (
            <g key={name} className={`line ${tone}`}>
              {lines.length === 1 && <path className="area" d={areaOf(path)} />}
              <path className="stroke" d={path} />
            </g>
          );
        })}
        {at !== undefined && (
          <path className="hair" d={`M${WIDTH - (at / (length - 1)) * WIDTH} 0V${HEIGHT}`} />
        )}
      </svg>
      <figcaption>
        {at === undefined ? (
          <>
            <span>
              {lines.length > 1 && lines.map((line) => <Key key={line.name} line={line} />)}
            </span>
            <span>{values.length > 0 && `most ${words(most)}`}</span>
          </>
        ) : (
          <>
            <span>{at} s ago</span>
            <span>{lines.map((line) => shown(line, at, words)).join(" · ")}</span>
          </>
        )}
      </figcaption>
    </figure>
  );
}

function Key({ line }: { readonly line: Line }) {
  return <span className={`key ${line.tone}`}>{line.name}</span>;
}

function shown(line: Line, at: number, words: (value: number) => string): string {
  const value = line.values.at(-1 - at);
  return `${line.name} ${value === undefined ? "–" : words(value)}`;
}

/** The line through all values; where there is none it is interrupted. */
function pathOf(
  values: Line["values"],
  x: (index: number, count: number) => number,
  y: (value: number) => number,
): string {
  let isDown = false;
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      isDown = false;
      continue;
    }
    path += `${isDown ? "L" : "M"}${x(index, values.length).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  }
  return path;
}

/** Down to the ground: only of a line in one piece. */
function areaOf(path: string): string {
  const isWhole = path.includes("L") && path.lastIndexOf("M") === 0;
  const [first] = /-?[\d.]+/.exec(path) ?? [];
  const last = path.slice(path.lastIndexOf("L") + 1).split(" ")[0];
  return isWhole ? `${path}L${last} ${HEIGHT}L${first} ${HEIGHT}Z` : "";
}
