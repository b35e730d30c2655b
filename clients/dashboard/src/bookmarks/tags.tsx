// The tags of a link: those that it has, and a place to write another, new ones too.

import { type KeyboardEvent, useId, useState } from "react";
import { Icon } from "../parts/icon";
import type { Library } from "./model";
import type { TagChoice } from "./write";

export function TagPicker(props: {
  readonly library: Library;
  readonly value: readonly TagChoice[];
  readonly isDisabled?: boolean;
  readonly choose: (tags: readonly TagChoice[]) => void;
}) {
  const { library, value, isDisabled, choose } = props;
  const [text, setText] = useState("");
  const list = useId();
  const add = (): void => {
    const name = text.trim().replace(/,$/, "").trim();
    setText("");
    if (name !== "" && !value.some((tag) => isCalled(tag, name))) {
      const known = [...library.tags.values()].find((tag) => isCalled(tag, name));
      choose([...value, known ?? { key: undefined, name }]);
    }
  };
  const pressed = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && text.trim() !== "") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && text === "") {
      choose(value.slice(0, -1));
    }
  };
  return (
    <div className="tag-picker">
      {value.map((tag) => (
        <span key={tag.key ?? tag.name} className="tag good">
          {tag.name}
          {!isDisabled && (
            <button
              type="button"
              aria-label={`Remove the tag ${tag.name}`}
              onClick={() => choose(value.filter((other) => other !== tag))}
            >
              <Icon name="close" />
            </button>
          )}
        </span>
      ))}
      {!isDisabled && (
        <input
          aria-label="Add a tag"
          placeholder="add a tag"
          list={list}
          value={text}
          autoComplete="off"
          onChange={({ target }) => setText(target.value)}
          onKeyDown={pressed}
          onBlur={add}
        />
      )}
      <datalist id={list}>
        {[...library.tags.values()].map(({ key, name }) => (
          <option key={key} value={name} />
        ))}
      </datalist>
    </div>
  );
}

const isCalled = (tag: { readonly name: string }, name: string): boolean =>
  tag.name.toLowerCase() === name.toLowerCase();
