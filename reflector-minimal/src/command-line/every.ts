import { pageLimit } from '../ports/store.ts';

/** All records of a list that comes in pages. `keyOf`: what a page goes on after. */
export async function every<RecordType>(
  page: (after: string, limit: number) => Promise<RecordType[]>,
  keyOf: (record: RecordType) => string,
): Promise<RecordType[]> {
  const all: RecordType[] = [];
  for (let after = ''; ; ) {
    const records = await page(after, pageLimit);
    all.push(...records);
    const last = records.at(-1);
    if (!last) return all;
    after = keyOf(last);
  }
}
