// Which gateways the hub serves, as far as the page has heard: the pages of others are not shown.

import { useEffect, useState } from "react";
import { repeat } from "./answer";
import { ask, HubError } from "./request";

const REMEMBERED = "syncline gateways off";
/** Settings change when the hub is started anew. */
const EVERY_MS = 60_000;

/** Those of the gateways that are turned off. What was heard last holds while the hub is away. */
export function useGatewaysOff(names: readonly string[]): readonly string[] {
  const [off, setOff] = useState(remembered);
  useEffect(
    () =>
      repeat(EVERY_MS, async (isOver) => {
        const asked = await Promise.all(names.map(async (name) => [name, await isOff(name)]));
        if (!isOver() && asked.every(([, answer]) => answer !== undefined)) {
          const heard = asked.filter(([, answer]) => answer === true).map(([name]) => `${name}`);
          localStorage.setItem(REMEMBERED, JSON.stringify(heard));
          setOff(heard);
        }
      }),
    [names],
  );
  return off;
}

/** Nothing when the hub does not say. */
async function isOff(name: string): Promise<boolean | undefined> {
  try {
    const { enabled } = await ask<{ readonly enabled?: boolean }>(`GET /gateways/${name}`);
    return enabled === false;
  } catch (error) {
    return error instanceof HubError && error.status === 404 ? true : undefined;
  }
}

function remembered(): readonly string[] {
  const text = localStorage.getItem(REMEMBERED);
  return text === null ? [] : (JSON.parse(text) as string[]);
}
