import { describe, expect, test } from 'vitest';
import {
  callOf,
  followsPresence,
  isFiltered,
  readDeviceQuery,
  sortedBy,
  wholeList,
  writeDeviceQuery,
} from './device-query.ts';

describe('the query of the list of devices', () => {
  test.each(['', '?text=hall+pump', '?status=offline&domain=acme', '?tag=a%26b&silent=30&sort=-lastSeen'])(
    '"%s" is written as it was read',
    (search) => {
      expect(writeDeviceQuery(readDeviceQuery(search))).toBe(search);
    },
  );

  test.each(['?status=perhaps', '?sort=address', '?silent=-1', '?silent=x', '?silent=99999', '?other=1'])(
    'what is wrong counts as not given: %s',
    (search) => expect(readDeviceQuery(search)).toEqual(wholeList),
  );

  test('asks the API for what it says', () => {
    const now = Date.UTC(2026, 10, 30);
    expect(callOf(readDeviceQuery('?text=a&status=online&silent=7&sort=name'), now)).toEqual({
      text: 'a',
      status: 'online',
      lastSeenBefore: '2026-11-23T00:00:00.000Z',
      sort: 'name',
    });
    expect(callOf(wholeList, now)).toEqual({ sort: 'id' });
  });

  test('another click on a title turns the order round', () => {
    const byName = sortedBy(wholeList, 'name');
    expect([byName.sort, sortedBy(byName, 'name').sort]).toEqual(['name', '-name']);
    expect(sortedBy(byName, 'address')).toBe(byName);
  });

  test('knows what leaves devices out, and what follows from who is on line', () => {
    expect(isFiltered({ ...wholeList, sort: '-name' })).toBe(false);
    expect(isFiltered({ ...wholeList, tag: 'a' })).toBe(true);
    expect(followsPresence(wholeList)).toBe(false);
    expect(followsPresence({ ...wholeList, sort: '-lastSeen' })).toBe(true);
    expect(followsPresence({ ...wholeList, status: 'online' })).toBe(true);
  });
});
