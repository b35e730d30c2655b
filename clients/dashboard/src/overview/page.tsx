// How the hub is: what is wrong right now, in words, and its figures over the last minutes.

import type { ReactNode } from "react";
import { isLagging } from "../devices/lag";
import { useList } from "../hub/answer";
import type { Device, Overview, Problem } from "../hub/shapes";
import { bytes, count, counted, seconds, short } from "../hub/words";
import { type Line, Plot } from "../parts/plot";
import { Failed, Loading } from "../parts/states";
import { href } from "../route";
import { type Figures, type Sample, useFigures } from "./figures";
import { Totals } from "./totals";

const LENGTH = 180;

export function OverviewPage() {
  const figures = useFigures();
  const devices = useList<Device>("/devices", 5_000);
  const { latest, error } = figures;
  if (latest === undefined) {
    return (
      <>
        <h1>Overview</h1>
        {error === undefined ? <Loading lines={10} /> : <Failed error={error} />}
      </>
    );
  }
  return (
    <>
      <h1>Overview</h1>
      <Problems latest={latest} error={error} devices={devices.data ?? []} />
      <Plots figures={figures} latest={latest} />
      <Totals latest={latest} />
    </>
  );
}

function Problems(props: {
  readonly latest: Overview;
  readonly error: Error | undefined;
  readonly devices: readonly Device[];
}) {
  const problems: Problem[] = [...props.latest.problems];
  if (props.error !== undefined) {
    problems.unshift({ code: "away", text: `${props.error.message} What follows is not fresh.` });
  }
  const lagging = props.devices.filter((device) => device.online && isLagging(device));
  if (lagging.length > 0) {
    const names = lagging.slice(0, 3).map(({ name, device }) => name || device);
    const more = lagging.length > names.length ? ` and ${lagging.length - names.length} more` : "";
    const text = `Connected, but behind: ${names.join(", ")}${more}. See which of their spaces.`;
    problems.push({ code: "lagging", text });
  }
  if (problems.length === 0) {
    return (
      <p className="verdict good" role="status">
        <i className="dot" /> All is well: the store writes, nobody is behind, nothing is refused in
        numbers.
      </p>
    );
  }
  return (
    <ul className="verdicts">
      {problems.map(({ code, text }) => (
        <li key={code} className="verdict bad">
          <i className="dot" />
          <span>
            {text} {code === "lagging" && <a href={href("devices")}>Devices</a>}
            {code === "many_refusals" && <a href={href("system")}>Refusals</a>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Plots({ figures, latest }: { readonly figures: Figures; readonly latest: Overview }) {
  const { samples } = figures;
  const now = samples.at(-1);
  const line = (name: string, tone: Line["tone"], of: (sample: Sample) => number | undefined) => {
    return { name, tone, values: samples.map(of) } satisfies Line;
  };
  const rate = (value: number): string => `${short(Math.round(value))}/s`;
  const { stats } = latest;
  return (
    <section className="plots" aria-label="The last three minutes">
      <Panel title="Sessions" figure={count(stats.sessions)} id="sessions">
        <Plot
          label="Sessions over time"
          length={LENGTH}
          words={count}
          lines={[line("sessions", "first", (sample) => sample.sessions)]}
        />
      </Panel>
      <Panel title="Deltas in" figure={now ? rate(now.in_rate) : "–"} id="deltas-in">
        <Plot
          label="Deltas applied a second"
          length={LENGTH}
          words={rate}
          lines={[line("in", "first", (sample) => sample.in_rate)]}
        />
      </Panel>
      <Panel title="Deltas out" figure={now ? rate(now.out_rate) : "–"} id="deltas-out">
        <Plot
          label="Deltas handed to sessions a second"
          length={LENGTH}
          words={rate}
          lines={[line("out", "first", (sample) => sample.out_rate)]}
        />
      </Panel>
      <Panel title="Commit" figure={seconds(now?.commit_p50 ?? latest.commit.p50)} id="commit">
        <Plot
          label="How long a commit takes"
          length={LENGTH}
          words={seconds}
          lines={[
            line("median", "first", (sample) => sample.commit_p50),
            line("99 of 100", "second", (sample) => sample.commit_p99),
          ]}
        />
      </Panel>
      <Panel
        title="Delivery"
        figure={seconds(now?.delivery_p50 ?? latest.delivery.p50)}
        id="delivery"
      >
        <Plot
          label="From a commit into the queues of all who are to have it"
          length={LENGTH}
          words={seconds}
          lines={[
            line("median", "first", (sample) => sample.delivery_p50),
            line("99 of 100", "second", (sample) => sample.delivery_p99),
          ]}
        />
      </Panel>
      <Panel
        title="Store"
        figure={bytes((stats.store_bytes ?? 0) + stats.journal_bytes)}
        detail={`${counted(stats.records, "record")}, journal ${bytes(stats.journal_bytes)}`}
        id="store"
      >
        <Plot
          label="Bytes of the store and its journal"
          length={LENGTH}
          words={bytes}
          isFromZero={false}
          lines={[line("store", "first", (sample) => sample.store_bytes)]}
        />
      </Panel>
    </section>
  );
}

function Panel(props: {
  readonly title: string;
  readonly figure: string;
  readonly detail?: string;
  readonly id: string;
  readonly children: ReactNode;
}) {
  return (
    <article className="panel" data-figure={props.id}>
      <h2>{props.title}</h2>
      <p className="figure">{props.figure}</p>
      {props.children}
      {props.detail && <p className="detail">{props.detail}</p>}
    </article>
  );
}
