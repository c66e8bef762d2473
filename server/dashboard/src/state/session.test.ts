import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Preferences } from '../api/types.ts';
import { choose, preferences } from './session.ts';

/** What the server has, with a version that rises; other browsers change it. */
let kept: Preferences;
let version: number;
let put: Preferences[];
/** Once, between the reading and the writing of the page. */
let between: () => void;
beforeEach(() => {
  [kept, version, put] = [{}, 1, []];
  between = () => {};
  preferences.value = {};
  vi.stubGlobal('document', { documentElement: { dataset: {} } });
  vi.stubGlobal('fetch', async (_: string, { method, body, headers }: RequestInit) => {
    const ifMatch = (headers as Record<string, string>)['If-Match'];
    if (method === 'PUT') {
      between();
      between = () => {};
      if (ifMatch !== undefined && ifMatch !== `"${version}"`) return Response.json({}, { status: 412 });
      kept = JSON.parse(String(body)) as Preferences;
      put.push(kept);
      version++;
    }
    return Response.json(kept, { headers: { ETag: `"${version}"` } });
  });
});
afterEach(() => vi.unstubAllGlobals());

const elsewhere = (changes: Preferences) => {
  kept = { ...kept, ...changes };
  version++;
};
const view = (name: string) => ({ name, query: `?text=${name}` });

test('a choice leaves alone what was chosen elsewhere since the page was loaded', async () => {
  elsewhere({ views: [view('pumps')], columns: ['state'] });
  const chosen = choose(() => ({ screenReader: true }));
  expect(preferences.value).toEqual({ screenReader: true });
  await chosen;
  const both = { views: [view('pumps')], columns: ['state'], screenReader: true };
  expect([kept, preferences.value]).toEqual([both, both]);
});

test('two views that are kept at once are both kept', async () => {
  between = () => elsewhere({ views: [view('pumps')] });
  const add =
    (name: string) =>
    ({ views = [] }: Preferences) => ({ views: [...views, view(name)] });
  await Promise.all([choose(add('valves')), choose(add('meters'))]);
  expect(kept.views?.map(({ name }) => name)).toEqual(['pumps', 'valves', 'meters']);
});

test('what is undefined returns to what is usual', async () => {
  elsewhere({ theme: 'dark', language: 'de' });
  await choose(() => ({ theme: undefined }));
  expect(put).toEqual([{ language: 'de' }]);
});
