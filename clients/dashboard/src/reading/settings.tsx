// What an account chooses: which position is the current one.

import { useEffect, useState } from "react";
import { useAnswer } from "../hub/answer";
import { ask } from "../hub/request";
import { Await } from "../parts/states";
import { complain, say } from "../parts/toast";
import { type Choice, path } from "./shapes";

export function Settings({ account }: { readonly account: string }) {
  const route = path(account, "settings");
  const answer = useAnswer<Choice>(route, 5_000);
  const { data, reload } = answer;
  const [chosen, setChosen] = useState<Choice>();
  // What the hub says holds, as soon as it has said something.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => setChosen(undefined), [data]);

  const choose = (choice: Choice): void => {
    setChosen(choice);
    ask(`PUT ${route}`, { policy: choice.policy, protect: choice.protect })
      .then(() => say("It holds from now on."), complain)
      .finally(reload);
  };
  return (
    <Await answer={answer} lines={4}>
      {(known) => <Choices choice={chosen ?? known} choose={choose} />}
    </Await>
  );
}

function Choices(props: { readonly choice: Choice; readonly choose: (choice: Choice) => void }) {
  const { choice, choose } = props;
  const policy = (policy: Choice["policy"], title: string, hint: string) => (
    <label className="check">
      <input
        type="radio"
        name="policy"
        checked={choice.policy === policy}
        onChange={() => choose({ ...choice, policy })}
      />
      <span>
        {title}
        <span className="field-hint">{hint}</span>
      </span>
    </label>
  );
  return (
    <div className="reading-settings">
      <fieldset>
        <legend>The current position is</legend>
        {policy("latest", "the latest", "Whatever was read last, wherever in the book that is.")}
        {policy(
          "furthest",
          "the furthest",
          "A device that is behind takes nobody back. To read a book once more, choose “Start again” there.",
        )}
      </fieldset>
      <fieldset>
        <legend>When a device was away</legend>
        <label className="check">
          <input
            type="checkbox"
            checked={choice.protect}
            onChange={({ target }) => choose({ ...choice, protect: target.checked })}
          />
          <span>
            Keep newer positions of other devices
            <span className="field-hint">
              A device that comes back sends what it could not send, all at once. With this, it
              takes back no book that was read on elsewhere meanwhile; what it sends is in the
              history.
            </span>
          </span>
        </label>
      </fieldset>
    </div>
  );
}
