import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '../api/problem.ts';
import type { Device, User } from '../api/types.ts';
import { beginUser, changeNotes, changeUser } from './edits.ts';

/** What the server has, and what was sent to it. */
let kept: Record<string, unknown>;
let version: number;
let sent: unknown[];
beforeEach(() => {
  [version, sent] = [1, []];
  kept = { name: 'bob', kind: 'person', role: 'user', fullName: 'Bob', email: 'old@example.com' };
  vi.stubGlobal('fetch', async (_: string, { method, body, headers }: RequestInit) => {
    if (method === 'PATCH') {
      if ((headers as Record<string, string>)['If-Match'] !== `"${version}"`) {
        return Response.json({}, { status: 412 });
      }
      const changes = JSON.parse(String(body));
      sent.push(changes);
      kept = { ...kept, ...changes };
      version++;
    }
    return Response.json(kept, { headers: { ETag: `"${version}"` } });
  });
});
afterEach(() => vi.unstubAllGlobals());

const elsewhere = (changes: object) => {
  kept = { ...kept, ...changes };
  version++;
};
const given = ({ fullName, email }: User) => ({ fullName, email: email ?? '', role: 'user', password: '' });
const begin = () => beginUser('bob', new AbortController().signal);

test('another password leaves alone what the page has shown before', async () => {
  elsewhere({ email: 'new@example.com' });
  const edited = await begin();
  await changeUser(edited, { ...given(edited.value), password: 'three blue horses' });
  expect([kept.email, sent]).toEqual(['new@example.com', [{ password: 'three blue horses' }]]);
});

test('what was changed since somebody began is told, and stays', async () => {
  const edited = await begin();
  elsewhere({ email: 'new@example.com' });
  const change = changeUser(edited, { ...given(edited.value), fullName: 'Robert' });
  await expect(change).rejects.toMatchObject({ status: 412 });
  await expect(change).rejects.toBeInstanceOf(Problem);
  expect(kept).toMatchObject({ email: 'new@example.com', fullName: 'Bob' });
});

test('an address is taken away, and nothing is sent where nothing differs', async () => {
  const edited = await begin();
  await changeUser(edited, given(edited.value));
  expect(sent).toEqual([]);
  await changeUser(edited, { ...given(edited.value), email: '' });
  expect(sent).toEqual([{ email: null }]);
});

test('notes are of the version that somebody began with', async () => {
  const value = {
    id: 'pump-7',
    name: null,
    description: '',
    notes: 'mine',
    tags: ['a'],
  } as unknown as Device;
  const form = { name: '', description: '', notes: 'mine, changed', tags: ['a'] };
  elsewhere({ notes: 'theirs' });
  await expect(changeNotes({ value, version: '"1"' }, form)).rejects.toMatchObject({ status: 412 });
  expect(kept.notes).toBe('theirs');
  await changeNotes({ value, version: '"2"' }, form);
  expect(sent).toEqual([{ notes: 'mine, changed' }]);
});
