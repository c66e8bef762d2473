import { expect, test } from 'vitest';
import type { OpenRoute, Route } from '../ports/routes.ts';
import { withoutReplaced } from './replaced-routes.ts';

const answer = () => ({ status: 200 });
const open = (methods: OpenRoute['methods'], path: string, more: Partial<OpenRoute> = {}): OpenRoute => ({
  access: 'anyone',
  methods,
  path,
  answer,
  ...more,
});
const socket: Route = { access: 'anyone', path: '/list', maxMessageBytes: 1, connect: () => {} };

test('a route goes where an added one says that it replaces it, by method and path', () => {
  const own = [open(['GET', 'HEAD'], '/list'), open(['GET'], '/list/*'), open(['POST'], '/log-in'), socket];
  const replaces = true;
  expect(withoutReplaced(own, [open(['GET', 'HEAD'], '/list', { replaces })])).toEqual(own.slice(1));
  expect(withoutReplaced(own, [open(['GET'], '/list', { replaces })])).toEqual([
    { ...own[0], methods: ['HEAD'] },
    ...own.slice(1),
  ]);
  expect(withoutReplaced(own, [open(['GET'], '/list/*', { replaces })])).toEqual([own[0], own[2], socket]);
  for (const added of [[open(['GET'], '/list')], [open(['POST'], '/list', { replaces })], [socket]]) {
    expect(withoutReplaced(own, added)).toEqual(own);
  }
});
