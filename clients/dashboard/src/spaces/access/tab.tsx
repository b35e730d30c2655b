// Access to a space: the rules that refine what its members may, and why somebody may do something.
//
//   #/spaces/NAME/access[/ITEM[/MEMBER[/ACTION]]]     a question stands in the address

import { useMemo } from "react";
import type { Space } from "syncline";
import { type Answer, useList } from "../../hub/answer";
import { HubError, spacePath } from "../../hub/request";
import { useSession } from "../../hub/session";
import type { AccessRule, SpaceDetails } from "../../hub/shapes";
import { Await } from "../../parts/states";
import { useRoute } from "../../route";
import type { Desk } from "./change";
import { inOrder, type Question } from "./rule";
import { Rules } from "./rules";
import { Why } from "./why";
import "./access.css";

/** Rules that others change show after this long at the latest. */
const EVERY_MS = 2_000;
const NONE: readonly AccessRule[] = [];

export function AccessTab(props: {
  readonly space: Space;
  readonly details: Answer<SpaceDetails>;
}) {
  const { space, details } = props;
  const answer = useList<AccessRule>(spacePath(space.name, "acl"), EVERY_MS);
  const isForbidden = answer.error instanceof HubError && answer.error.code === "forbidden";
  const known = isForbidden ? undefined : answer.data;
  const { reload } = answer;
  const desk: Desk = useMemo(() => {
    const rules = inOrder(known ?? NONE);
    return { space: space.name, rules, changed: reload };
  }, [space, known, reload]);
  const question = useQuestion(details.data, isForbidden);
  return (
    <div className="access">
      {isForbidden ? (
        <NoRight details={details.data} />
      ) : (
        <Await answer={answer} lines={8}>
          {() => <Rules desk={desk} space={space} details={details.data} />}
        </Await>
      )}
      <Why
        key={JSON.stringify(question)}
        space={space}
        rules={known}
        details={details.data}
        question={question}
      />
    </div>
  );
}

/** Rules are for those to see who may change them. */
function NoRight({ details }: { readonly details: SpaceDetails | undefined }) {
  const owners = (details?.members ?? []).filter(({ role }) => role === "owner");
  const names = owners.map(({ user }) => user).join(", ");
  return (
    <section className="access-rules">
      <h2>Rules</h2>
      <p className="notice">
        The rules of this space are for its owners to see and to change
        {names !== "" && <> (here: {names})</>}. What they come to for you, you can ask: each answer
        names the one rule that decides.
      </p>
    </section>
  );
}

/** What the address asks. A record's view names the item alone: then a member is thought of. */
function useQuestion(
  details: SpaceDetails | undefined,
  isForbidden: boolean,
): Partial<Question> & { readonly isOwnOnly: boolean } {
  const { who } = useSession();
  const [, , , item, member, action] = useRoute();
  const bound = details?.members.find(({ role }) => role !== "owner")?.user;
  const thought = isForbidden ? who.account : (bound ?? who.account);
  const asked = isForbidden ? who.account : (member ?? (item === undefined ? undefined : thought));
  return {
    isOwnOnly: isForbidden,
    ...(item === undefined ? {} : { item, action: action ?? "read" }),
    ...(asked === undefined ? {} : { principal: asked }),
  };
}
