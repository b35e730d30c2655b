// Spaces: all of them, or one with its records, its members and the ways to connect.

import { useRoute } from "../route";
import { SpaceList } from "./list";
import { SpacePage } from "./space";

export function SpacesPage() {
  const [, name] = useRoute();
  return name === undefined ? <SpaceList /> : <SpacePage key={name} name={name} />;
}
