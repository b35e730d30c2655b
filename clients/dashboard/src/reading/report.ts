// What an import tells, line by line, put together for people. Pure.

export interface Counts {
  readonly books: number;
  readonly positions: number;
  readonly titles: number;
}

/** What became of one account. */
export interface Told extends Counts {
  readonly name: string;
  readonly account: string;
  readonly done: string;
  readonly key_set: boolean;
  readonly passed_over: readonly string[];
  readonly failed: string | null;
}

export interface Total extends Counts {
  readonly accounts: number;
  readonly made: number;
  readonly failed: number;
}

interface Suggestion {
  readonly theirs: string;
  readonly ours: string;
}

export type Line =
  | {
      readonly found: {
        readonly suggestions: readonly Suggestion[];
        readonly passed_over: readonly string[];
      };
    }
  | { readonly account: Told }
  | { readonly total: { readonly dry_run: boolean; readonly total: Total } };

export interface Report {
  readonly accounts: readonly Told[];
  readonly suggestions: readonly Suggestion[];
  readonly passedOver: readonly string[];
  /** None until all is told. */
  readonly total: Total | undefined;
}

export const NOTHING: Report = {
  accounts: [],
  suggestions: [],
  passedOver: [],
  total: undefined,
};

/** A report with one more line. */
export function told(report: Report, line: Line): Report {
  if ("found" in line) {
    const { suggestions, passed_over } = line.found;
    return { ...report, suggestions, passedOver: [...report.passedOver, ...passed_over] };
  }
  if ("account" in line) {
    const passedOver = [...report.passedOver, ...line.account.passed_over];
    return { ...report, accounts: [...report.accounts, line.account], passedOver };
  }
  return { ...report, total: line.total.total };
}
