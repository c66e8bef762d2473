import { expect, test } from 'vitest';
import type { OpenRoute } from '../ports/routes.ts';
import { RouteTable } from './route-table.ts';

const route = (path: string, methods: OpenRoute['methods'] = ['GET'], strict = false): OpenRoute => ({
  access: 'anyone',
  methods,
  path,
  answer: () => ({ status: 204 }),
  ...(strict && { otherMethods: 'not allowed' }),
});

test('a method that a path without * lacks is looked for behind it', () => {
  const [exact, pattern] = [route('/a/b', ['POST']), route('/a/*', ['GET'])];
  const table = new RouteTable([pattern, exact]);
  expect(table.find('POST', '/a/b')).toMatchObject({ route: exact, parameters: [] });
  expect(table.find('GET', '/a/b')).toMatchObject({ route: pattern, parameters: ['b'] });
  expect(table.find('GET', '/a')).toMatchObject({ route: undefined, refused: undefined });
});

test('what is allowed is that of all routes of the path that say so', () => {
  const routes = [route('/a', ['GET', 'HEAD'], true), route('/a', ['POST'], true), route('/b', ['POST'])];
  const table = new RouteTable(routes);
  expect(table.find('PUT', '/a')).toMatchObject({ refused: routes[0], allowed: ['GET', 'HEAD', 'POST'] });
  expect(table.find('GET', '/a').refused).toBeUndefined();
  expect(table.find('PUT', '/b').refused).toBeUndefined();
});

test('everything below a path leads to the route that ends with **, where there is no other', () => {
  const [post, inner, rest, deeper] = [
    route('/a/b', ['POST'], true),
    route('/a/*/c'),
    route('/a/**'),
    route('/a/d/**', ['GET', 'POST']),
  ];
  const table = new RouteTable([rest, deeper, post, inner]);
  expect(table.find('GET', '/a/x')).toMatchObject({ route: rest, parameters: [] });
  expect(table.find('GET', '/a/x/y/z').route).toBe(rest);
  expect(table.find('POST', '/a/d/y').route).toBe(deeper);
  expect(table.find('POST', '/a/x').route).toBeUndefined();
  expect(table.find('GET', '/a/x/c')).toMatchObject({ route: inner, parameters: ['x'] });
  // It takes no other method of a path that there is.
  expect(table.find('GET', '/a/b')).toMatchObject({ route: undefined, refused: post, allowed: ['POST'] });
  expect(table.find('GET', '/a').route).toBeUndefined();
  expect(table.find('GET', '/ab').route).toBeUndefined();
  expect(() => new RouteTable([rest, route('/a/**')])).toThrow('two routes for GET /a/**');
});

test('names of Object are no paths', () => {
  const table = new RouteTable([route('/a')]);
  for (const path of ['/__proto__', '__proto__', '/constructor', '']) {
    expect(table.find('GET', path).route).toBeUndefined();
  }
});

test('a path begins with /', () => {
  expect(() => new RouteTable([route('a')])).toThrow('begins with /');
});

test('a table is empty without routes of any kind', () => {
  expect(new RouteTable([]).isEmpty).toBe(true);
  for (const path of ['/a', '/*', '/a/**']) expect(new RouteTable([route(path)]).isEmpty).toBe(false);
});
