// What the hub has counted since its start, and what it holds.

import type { Latency, Overview } from "../hub/shapes";
import { bytes, count, seconds } from "../hub/words";

export function Totals({ latest }: { readonly latest: Overview }) {
  const { stats } = latest;
  const rejects = Object.entries(latest.rejects).filter(([, number]) => number > 0);
  return (
    <div className="columns">
      <Facts
        title="Since the start"
        rows={[
          ["Deltas applied", count(stats.deltas_in), "deltas_in"],
          ["Deltas handed to sessions", count(stats.deltas_out), "deltas_out"],
          ["Writes that lost unseen", count(stats.conflicts), "conflicts"],
          ["Catch-ups begun", count(stats.catch_ups), "catch_ups"],
          ["Slow consumers", count(stats.slow_consumers), "slow_consumers"],
        ]}
      />
      <Facts
        title="What there is"
        rows={[
          ["Spaces", count(stats.spaces), "spaces"],
          ["Records", count(stats.records), "records"],
          ["Bytes of records", bytes(stats.record_bytes), "record_bytes"],
          ["Log entries", count(stats.log_entries), "log_entries"],
          ["Accounts", count(stats.users), "users"],
        ]}
      />
      <section className="facts">
        <h2>How long it took</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span className="unseen">What</span>
              </th>
              <th scope="col">median</th>
              <th scope="col">99 of 100</th>
              <th scope="col">times</th>
            </tr>
          </thead>
          <tbody>
            <Took name="Commit" latency={latest.commit} />
            <Took name="Disk (fsync)" latency={latest.fsync} />
            <Took name="Delivery" latency={latest.delivery} />
            <Took name="Checkpoint" latency={latest.checkpoint} />
          </tbody>
        </table>
      </section>
      <Facts
        title="Refused"
        rows={
          rejects.length === 0
            ? [["Nothing so far", "", "none"]]
            : rejects.map(([code, number]) => [code, count(number), code])
        }
      />
    </div>
  );
}

function Facts(props: {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string, id: string])[];
}) {
  return (
    <section className="facts">
      <h2>{props.title}</h2>
      <table>
        <tbody>
          {props.rows.map(([name, value, id]) => (
            <tr key={id}>
              <th scope="row">{name}</th>
              <td data-total={id}>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Took({ name, latency }: { readonly name: string; readonly latency: Latency }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{seconds(latency.p50)}</td>
      <td>{seconds(latency.p99)}</td>
      <td>{count(latency.count)}</td>
    </tr>
  );
}
