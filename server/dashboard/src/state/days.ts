const day = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * A filter by days, as fields of type `date` give them, as the API takes it: from the begin of the day `since` to the end of the
 * day `until`, as days are here. What is no day stays as it is.
 */
export function periodOf({ since, until }: { readonly since?: string; readonly until?: string }): {
  readonly since?: string;
  readonly until?: string;
} {
  return {
    ...(since === undefined ? {} : { since: beginOf(since, 0) }),
    ...(until === undefined ? {} : { until: beginOf(until, 1) }),
  };
}

/** RFC 3339, of the day so many days later: days with another clock have not 24 hours. */
function beginOf(text: string, later: number): string {
  const [, year, month, date] = day.exec(text) ?? [];
  if (year === undefined) return text;
  const begin = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(begin.getTime()) ? text : begin.toISOString();
}
