// The page's reading of access rules: their order, what matches, and the sentence that one makes.

import { describe, expect, test } from "vitest";
import type { AccessRule } from "../src/hub/shapes.js";
import { blamed } from "../src/spaces/access/change.js";
import { inOrder, matches, matching, sentence, weakness } from "../src/spaces/access/rule.js";

function rule(text: string): AccessRule {
  const [verdict = "", principal = "", item = "", action = ""] = text.split(" ");
  return { verdict: verdict as AccessRule["verdict"], principal, item, action };
}

describe("rules", () => {
  test("stand in the order in which they decide", () => {
    // Narrowest item first, then member, then action, whatever the other parts say.
    const ordered = [
      "allow * notes/secret-1 read",
      "deny * notes/secret-* *",
      "allow ben notes/* read",
      "deny ben notes/* *",
      "allow be* notes/* write",
      "deny * notes/* write",
      "allow ben * *",
      "deny * * *",
    ].map(rule);
    for (let turn = 0; turn < ordered.length; turn += 1) {
      const mixed = [...ordered.slice(turn), ...ordered.slice(0, turn).reverse()];
      expect(inOrder(mixed)).toEqual(ordered);
    }
  });

  test("count bytes, as the hub does", () => {
    // Two letters of one byte weigh no more than one letter of two.
    const [one, two] = [rule("allow * äb/* *"), rule("allow * abc* *")];
    expect(inOrder([two, one])).toEqual([one, two]);
  });

  test("match a value or its beginning, and nothing else", () => {
    expect(matches("notes/a", "notes/a")).toBe(true);
    expect(matches("notes/a", "notes/ab")).toBe(false);
    expect(matches("notes/a*", "notes/a")).toBe(true);
    expect(matches("Notes/*", "notes/a")).toBe(false);
    expect(matches("*", "")).toBe(true);
  });

  test("give way in the first part that is less specific", () => {
    const rules = ["deny * * delete", "allow ben notes/* *", "deny ben notes/* write"].map(rule);
    const asked = { principal: "ben", item: "notes/a", action: "write" };
    const [decider, ...others] = matching(rules, asked);
    expect(decider).toEqual(rules[2]);
    expect(others).toEqual([rules[1]]);
    expect(weakness(rule("allow ben notes/* *"), rule("deny ben notes/* write"))).toBe("action");
    expect(weakness(rule("allow * notes/* *"), rule("deny ben notes/* write"))).toBe("principal");
    expect(weakness(rule("deny * * *"), rule("deny ben notes/* write"))).toBe("item");
  });

  test.each([
    ["deny * diary/* *", "Nobody but owners may do anything with what is in diary"],
    ["allow ben diary/shared-* read", "ben may read what begins with diary/shared-"],
    ["deny * * delete", "Nobody but owners may delete any item"],
    ["allow * a/b read", "Every member may read a/b"],
    ["allow b* .acl admin", "Everybody whose name begins with b may change the access rules"],
    [
      "deny b* a/b/* *",
      "Nobody whose name begins with b may do anything with what begins with a/b/",
    ],
    ["deny ben a w*", "ben may not do what begins with w to a"],
  ])("%s is said as a sentence", (text, said) => {
    expect(sentence(rule(text))).toBe(said);
  });
});

test("what the hub refuses is told at the field that it is about", () => {
  expect(blamed("The item pattern cannot be empty. Change the write.")).toEqual({
    part: "item",
    text: "Pattern cannot be empty",
  });
  expect(blamed("an action is read, write, delete or admin")?.part).toBe("action");
  expect(blamed("home has 10000 access rules, and no more")).toBeUndefined();
});
