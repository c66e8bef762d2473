import { describe, expect, test } from 'vitest';
import { mostWorkers, nameOfHost, placeOfWorker, workerCount, workerOf } from './workers.ts';

describe('how many workers there are', () => {
  const count = (option?: string, variable?: string) => workerCount({ option, variable }, 3);

  test('is what the option says, else the variable, else the file', () => {
    expect([count('1', '2'), count(undefined, '2'), count(), count(undefined, '')]).toEqual([1, 2, 3, 3]);
  });

  test.each(['0', '65', '-1', '2.5', 'two', ''.padEnd(4, '1'), '1e1'])('is not %j', (value) => {
    expect(() => count(value)).toThrow(`--workers: must be a number from 1 to ${mostWorkers}`);
    expect(() => count(undefined, value)).toThrow('RM_SERVER_WORKERS: must be');
  });
});

test.each([
  ['2', { number: 2 }],
  [undefined, null],
  ['', null],
  ['0', null],
  ['x', null],
])('the variable %j names the worker %j', (value, worker) => {
  expect(workerOf({ RM_SERVER_WORKER: value })).toEqual(worker);
});

test.each([
  ['server', 'server'],
  ['Web_01.example.com', 'web-01'],
  ['-', 'host'],
  ['', 'host'],
  ['x'.repeat(80), 'x'.repeat(50)],
])('the host %j is %j in the name of a node', (host, name) => {
  expect(nameOfHost(host)).toBe(name);
});

describe('a place of a worker', () => {
  test.each([
    ['10.0.0.1:7443', 1, '10.0.0.1:7443'],
    ['10.0.0.1:7443', 3, '10.0.0.1:7445'],
    ['[::1]:7443', 2, '[::1]:7444'],
    ['127.0.0.1:0', 2, '127.0.0.1:0'],
  ])('%j of worker %j is %j', (place, number, expected) => {
    expect(placeOfWorker(place, { number }, 'node.listen')).toBe(expected);
  });

  test('is a port that exists', () => {
    expect(() => placeOfWorker('host:65535', { number: 2 }, 'node.listen')).toThrow(
      'node.listen: there is no port 65536 for worker 2',
    );
  });
});
