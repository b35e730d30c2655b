// Typed collections: what a schema refuses is not written, and what others wrote is not trusted.

import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type Client,
  connect,
  type Issue,
  SchemaError,
  type StandardSchema,
} from "../src/index.js";
import { FakeHub } from "./hub.js";

interface TodoInput {
  readonly text: string;
  readonly done?: boolean;
  readonly tags?: readonly string[];
}

interface Todo {
  readonly text: string;
  readonly done: boolean;
  readonly tags: readonly string[];
}

/** What a schema library would make of it, by hand. */
const todoSchema: StandardSchema<TodoInput, Todo> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate(value) {
      const { text, done = false, tags = [] } = value as Record<string, unknown>;
      const issues: Issue[] = [];
      if (typeof text !== "string") {
        issues.push({ message: "must be a text", path: ["text"] });
      }
      if (typeof done !== "boolean") {
        issues.push({ message: "must be true or false", path: [{ key: "done" }] });
      }
      for (const [at, tag] of (tags as unknown[]).entries()) {
        if (typeof tag !== "string") {
          issues.push({ message: "must be a text", path: ["tags", at] });
        }
      }
      return issues.length > 0 ? { issues } : { value: { text, done, tags } as Todo };
    },
  },
};

async function open(): Promise<Client> {
  const environment = { openWebSocket: new FakeHub().openWebSocket };
  return await connect({ url: "ws://hub.test", token: "good", store: false, environment });
}

describe("a typed collection", () => {
  test("takes what the schema takes, and gives what it makes of it", async () => {
    const client = await open();
    const todos = client.space("home").collection("todos", todoSchema);
    todos.put("a", { text: "one" });
    const todo = todos.get("a");
    expectTypeOf(todo).toEqualTypeOf<Todo | undefined>();
    expectTypeOf(todos.put).parameter(1).toEqualTypeOf<TodoInput>();
    expect(todo).toEqual({ text: "one", done: false, tags: [] });
    expect(todos.get("a")).toBe(todo);
    todos.patch("a", { done: true, tags: ["x"] });
    expect(todos.get("a")).toEqual({ text: "one", done: true, tags: ["x"] });
    todos.patch("a", { tags: undefined });
    expect(todos.get("a")?.tags).toEqual([]);
    const list = todos.list();
    expect(todos.list()).toBe(list);
    // A put is the whole record: what it does not have is dropped.
    todos.put("a", { text: "two" });
    expect(todos.get("a")?.done).toBe(false);
    expect(todos.list()).not.toBe(list);
    await todos.create("b", { text: "three" }).whenAcked;
    expect(todos.list("b").map(({ key }) => key)).toEqual(["b"]);
    const heard: (readonly string[])[] = [];
    const stop = todos.subscribe((keys) => heard.push(keys), { key: "b" });
    todos.delete("a");
    await todos.delete("b").whenAcked;
    stop();
    expect(heard).toEqual([["b"]]);
    await client.close();
  });

  test("refuses what the schema refuses, with the path, and writes nothing", async () => {
    const client = await open();
    const todos = client.space("home").collection("todos", todoSchema);
    const wrong = { text: 1, tags: ["x", 2] } as unknown as TodoInput;
    expect(() => todos.put("a", wrong)).toThrow(SchemaError);
    expect(() => todos.put("a", wrong)).toThrow("todos/a.text: must be a text");
    expect(() => todos.create("a", wrong)).toThrow("todos/a.tags.1: must be a text");
    todos.put("a", { text: "one" });
    expect(() => todos.patch("a", { text: undefined })).toThrow("todos/a.text");
    expect(() => todos.patch("a", { done: "yes" as never })).toThrow("todos/a.done");
    expect(todos.get("a")).toEqual({ text: "one", done: false, tags: [] });
    await client.close();
  });

  test("does not give what others wrote wrongly, but tells it", async () => {
    const client = await open();
    const space = client.space("home");
    const todos = space.collection("todos", todoSchema);
    space.put("todos", "bad", { text: 7 });
    space.put("todos", "good", { text: "fine" });
    expect(todos.list().map(({ key }) => key)).toEqual(["good"]);
    expect(todos.get("bad")).toBeUndefined();
    const [invalid] = todos.invalid();
    expect(invalid?.record.key).toBe("bad");
    expect(invalid?.error.issues).toEqual([{ message: "must be a text", path: ["text"] }]);
    const later: StandardSchema<object, object> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => Promise.resolve({ value: {} }),
      },
    };
    expect(() => space.collection("todos", later).put("a", {})).toThrow("asynchronously");
    await client.close();
  });
});
