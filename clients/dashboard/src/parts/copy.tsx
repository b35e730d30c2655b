// A text to take along: shown whole, copied by a button.

import { useState } from "react";
import { Icon } from "./icon";
import { complain } from "./toast";

/** Pages that came over an insecure connection have no clipboard: a selection does it there. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton(props: { readonly text: string; readonly label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copied = (): void => {
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button
      type="button"
      className="button small"
      onClick={() => copy(props.text).then(copied, complain)}
    >
      <Icon name="copy" /> {isCopied ? "Copied" : (props.label ?? "Copy")}
    </button>
  );
}

/** Lines of a program. */
export function Snippet(props: { readonly title: string; readonly text: string }) {
  return (
    <figure className="snippet">
      <figcaption>
        {props.title} <CopyButton text={props.text} />
      </figcaption>
      <pre>
        <code>{props.text}</code>
      </pre>
    </figure>
  );
}
