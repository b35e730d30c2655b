// Ending what a device has open: for now, or together with the token that let it in.

import { useList } from "../hub/answer";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import type { Token } from "../hub/shapes";
import { counted } from "../hub/words";
import { Dialog } from "../parts/dialog";
import { say } from "../parts/toast";
import type { Present } from "./page";

export function SignOut(props: {
  readonly device: Present;
  readonly close: () => void;
  readonly done: () => void;
}) {
  const { device, close, done } = props;
  const { who } = useSession();
  const tokens = useList<Token>("/tokens", 60_000);
  const used = new Set(device.sessions.map(({ token }) => token));
  const known = (tokens.data ?? []).filter(({ id }) => used.has(id));
  const name = device.name || device.device;
  const own = (tokens.data ?? []).find(({ id }) => id === who.token);
  const isOwn = known.some(({ id }) => id === own?.id || id === own?.parent);

  const submit = async (form: FormData): Promise<void> => {
    for (const { id } of device.sessions) {
      await ask(`DELETE /sessions/${id}`);
    }
    for (const { id } of known.filter(() => form.get("revoke") === "on")) {
      await ask(`DELETE /tokens/${id}`);
    }
    say(`${name} has been signed out.`);
    done();
    close();
  };
  return (
    <Dialog title={`Sign out ${name}`} action="Sign out" isDangerous submit={submit} close={close}>
      <p>
        Ends {counted(device.sessions.length, "session")} of {device.account}. What the device has
        not sent yet stays on it.
      </p>
      {known.length === 0 ? (
        <p className="muted">It shows no token that could be revoked, and may come back.</p>
      ) : (
        <label className="check">
          <input type="checkbox" name="revoke" defaultChecked={!isOwn} />
          <span>
            Revoke its token; otherwise it comes back by itself
            <span className="field-hint">
              {known.map(({ label, id }) => `${label || "without a label"} (${id})`).join(", ")}
            </span>
          </span>
        </label>
      )}
      {isOwn && <p className="warn">You are here by the same token: you would be logged out.</p>}
    </Dialog>
  );
}
