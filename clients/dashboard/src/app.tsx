// The whole page: the front door, or the frame with one of the pages in it.

import { Frame } from "./frame";
import { SessionRoom, useFrontDoor } from "./hub/session";
import { LoginPage } from "./login";
import { Failed, Loading } from "./parts/states";
import { Toasts } from "./parts/toast";

export function App() {
  const { phase, logIn, start } = useFrontDoor();
  return (
    <>
      {phase.type === "starting" && (
        <main className="alone">
          <Loading lines={3} />
        </main>
      )}
      {phase.type === "unreachable" && (
        <main className="alone">
          <Failed error={new Error(phase.text)} retry={start} />
        </main>
      )}
      {phase.type === "out" && <LoginPage why={phase.why} logIn={logIn} />}
      {phase.type === "in" && (
        <SessionRoom session={phase.session}>
          <Frame />
        </SessionRoom>
      )}
      <Toasts />
    </>
  );
}
