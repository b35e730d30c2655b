// Who may: accounts, their tokens, and the browsers that are logged in.

import { useSession } from "../hub/session";
import { Accounts } from "./accounts";
import { Tokens } from "./tokens";

export function PeoplePage() {
  const { who } = useSession();
  return (
    <>
      <h1 className="unseen">People and tokens</h1>
      {who.admin ? <Accounts /> : <Accounts only={who.account} />}
      <Tokens />
    </>
  );
}
