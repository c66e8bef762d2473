const gigabyte = 1e9;

/** A quota as it is typed: nothing is no bound, bytes are in gigabytes. `NaN` is for what is no number. */
export function readQuota(text: string, kind: 'count' | 'bytes'): number | null {
  if (text === '') return null;
  const number = Number(text.replace(',', '.'));
  return kind === 'bytes' ? Math.round(number * gigabyte) : number;
}

/** The reverse of {@link readQuota}. */
export function quotaText(quota: number | null, kind: 'count' | 'bytes'): string {
  if (quota === null) return '';
  return String(kind === 'bytes' ? quota / gigabyte : quota);
}

/** Whether the API takes it as a quota. */
export const isQuota = (quota: number | null): boolean =>
  quota === null || (Number.isSafeInteger(quota) && quota >= 0);
