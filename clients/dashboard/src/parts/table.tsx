// A table of any length: only the rows that can be seen are there.
//
// Every row is as high as the next, so that a place in the list is a multiplication. The arrow keys
// move through it, Enter opens.

// biome-ignore-all lint/a11y/useSemanticElements: a table of the browser's has all of its rows
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the table hears the keys for its rows
// biome-ignore-all lint/a11y/useFocusableInteractive: the table has the focus for its rows
// biome-ignore-all lint/a11y/noNoninteractiveTabindex: it scrolls, and the arrow keys move in it

import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

export interface Column<T> {
  readonly title: string;
  /** A width of CSS's grid. */
  readonly width: string;
  readonly draw: (item: T) => ReactNode;
  /** Numbers stand right. */
  readonly isNumber?: boolean;
  /** What a phone has no room for. */
  readonly isWide?: boolean;
}

interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly open?: (item: T) => void;
  readonly selected?: string | undefined;
  readonly isFresh?: (item: T) => boolean;
  /** Has room for some rows of its own, instead of what the page has left. */
  readonly isGrown?: boolean;
}

export const ROW_PX = 32;
/** Rows above and below what can be seen: a fast finger sees no gap. */
const MARGIN = 8;
/** What a phone's width is: as in the stylesheet. */
const PHONE = matchMedia("(max-width: 720px)");
const GROWN_ROWS_MAX = 14;

export function Table<T>(props: TableProps<T>) {
  const { label, items, keyOf, open, selected, isGrown = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const window = useWindow(box, items.length);
  const isPhone = usePhone();
  const columns = props.columns.filter(({ isWide }) => !(isPhone && isWide));
  const template = columns.map(({ width }) => width).join(" ");
  const at = items.findIndex((item) => keyOf(item) === selected);
  useEffect(() => {
    if (at >= 0) {
      reveal(box.current, at);
    }
  }, [at]);

  const moved = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    const next = items[Math.min(Math.max(at + (step ?? 0), 0), items.length - 1)];
    if (step !== undefined && open !== undefined && next !== undefined) {
      event.preventDefault();
      open(next);
    }
  };
  const shown = items.slice(window.first, window.last);
  const rows = isGrown ? Math.min(items.length, GROWN_ROWS_MAX) : items.length;
  const height = `${(rows + 1) * ROW_PX + 2}px`;

  return (
    <div
      ref={box}
      className={isGrown ? "table grown" : "table"}
      style={{ height }}
      role="table"
      aria-label={label}
      aria-rowcount={items.length}
      tabIndex={0}
      onKeyDown={moved}
    >
      <div className="row head" role="row" style={{ gridTemplateColumns: template }}>
        {columns.map(({ title, isNumber }) => (
          <span key={title} role="columnheader" className={isNumber ? "cell number" : "cell"}>
            {title}
          </span>
        ))}
      </div>
      <div className="rows" style={{ height: `${items.length * ROW_PX}px` }}>
        {shown.map((item, index) => {
          const key = keyOf(item);
          return (
            <Row
              key={key}
              item={item}
              top={(window.first + index) * ROW_PX}
              columns={props.columns}
              isPhone={isPhone}
              template={template}
              open={open as ((item: unknown) => void) | undefined}
              isSelected={key === selected}
              isFresh={props.isFresh?.(item) ?? false}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly item: unknown;
  readonly top: number;
  // biome-ignore lint/suspicious/noExplicitAny: `memo` forgets the type of the items
  readonly columns: readonly Column<any>[];
  readonly isPhone: boolean;
  readonly template: string;
  readonly open: ((item: unknown) => void) | undefined;
  readonly isSelected: boolean;
  readonly isFresh: boolean;
}

/** Drawn again only when its own item is another. */
const Row = memo(function Row(props: RowProps) {
  const { item, top, columns, isPhone, template, open, isSelected, isFresh } = props;
  const marks = [
    "row",
    isSelected ? "selected" : "",
    isFresh ? "fresh" : "",
    open ? "opens" : "",
  ].filter((mark) => mark !== "");
  return (
    <div
      className={marks.join(" ")}
      role="row"
      aria-selected={isSelected}
      style={{ gridTemplateColumns: template, transform: `translateY(${top}px)` }}
      onClick={open && (() => open(item))}
    >
      {columns
        .filter(({ isWide }) => !(isPhone && isWide))
        .map((column) => (
          <span key={column.title} role="cell" className={column.isNumber ? "cell number" : "cell"}>
            {column.draw(item)}
          </span>
        ))}
    </div>
  );
});

/** Which rows can be seen. */
function useWindow(box: { readonly current: HTMLDivElement | null }, length: number) {
  const [seen, setSeen] = useState({ first: 0, last: 40 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    const look = (): void => {
      const first = Math.max(Math.floor(element.scrollTop / ROW_PX) - MARGIN, 0);
      const last = first + Math.ceil(element.clientHeight / ROW_PX) + 2 * MARGIN;
      setSeen((known) => (known.first === first && known.last === last ? known : { first, last }));
    };
    look();
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [box]);
  const first = Math.min(seen.first, Math.max(length - 1, 0));
  return { first, last: seen.last };
}

function reveal(box: HTMLDivElement | null, at: number): void {
  if (box === null) {
    return;
  }
  const [top, bottom] = [at * ROW_PX, (at + 2) * ROW_PX];
  if (top < box.scrollTop) {
    box.scrollTop = top;
  } else if (bottom > box.scrollTop + box.clientHeight) {
    box.scrollTop = bottom - box.clientHeight;
  }
}

function usePhone(): boolean {
  const [isPhone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const look = (): void => setPhone(PHONE.matches);
    PHONE.addEventListener("change", look);
    return () => PHONE.removeEventListener("change", look);
  }, []);
  return isPhone;
}
