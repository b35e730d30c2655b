// The one list of pages: what stands in the navigation, and in which order.
//
// A page of a gateway (bookmarks, reading) is one more entry here and one more folder beside the
// others; nothing else knows the pages by name.

import type { ComponentType } from "react";
import { ConflictsPage } from "./conflicts/page";
import { DevicesPage } from "./devices/page";
import { OverviewPage } from "./overview/page";
import type { IconName } from "./parts/icon";
import { late } from "./parts/late";
import { PeoplePage } from "./people/page";
import { SpacesPage } from "./spaces/page";
import { SystemPage } from "./system/page";

export interface PageEntry {
  /** Its first segment in the address. */
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  /** Whether only admins have use for it. */
  readonly isForAdmins: boolean;
  /** The gateway whose page it is: it is shown while that is served. */
  readonly gateway?: string;
  readonly Page: ComponentType;
}

export const PAGES: readonly PageEntry[] = [
  { id: "overview", title: "Overview", icon: "overview", isForAdmins: true, Page: OverviewPage },
  { id: "spaces", title: "Spaces", icon: "spaces", isForAdmins: false, Page: SpacesPage },
  {
    id: "bookmarks",
    title: "Bookmarks",
    icon: "bookmarks",
    isForAdmins: false,
    gateway: "linkora",
    Page: late(() => import("./bookmarks/page").then(({ BookmarksPage }) => BookmarksPage)),
  },
  {
    id: "reading",
    title: "Reading",
    icon: "reading",
    isForAdmins: false,
    gateway: "koreader",
    Page: late(() => import("./reading/page").then(({ ReadingPage }) => ReadingPage)),
  },
  { id: "devices", title: "Devices", icon: "devices", isForAdmins: false, Page: DevicesPage },
  {
    id: "conflicts",
    title: "Conflicts",
    icon: "conflicts",
    isForAdmins: false,
    Page: ConflictsPage,
  },
  { id: "people", title: "People", icon: "people", isForAdmins: false, Page: PeoplePage },
  { id: "system", title: "System", icon: "system", isForAdmins: true, Page: SystemPage },
];
