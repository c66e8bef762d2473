import { describe, expect, test } from 'vitest';
import type { Action } from './action.ts';
import { fieldsOf } from './fields.ts';

const action: Action = {
  help: '',
  method: 'POST',
  path: '/x',
  options: {
    name: {},
    'full-name': { nullable: true },
    quota: { type: 'number', to: 'quotas.devices', nullable: true },
    bytes: { type: 'number', to: 'quotas.bytes' },
    tag: { type: 'list', to: 'tags' },
    ports: { type: 'ports' },
    online: { type: 'flag', to: 'status', value: 'online' },
    invite: { type: 'flag' },
    until: { type: 'time' },
    property: { type: 'pairs', to: 'properties' },
  },
};

const now = Date.parse('2026-11-28T10:00:00Z');

describe('options become fields', () => {
  test.each([
    [{}, {}],
    [
      { name: 'a', 'full-name': 'B' },
      { name: 'a', fullName: 'B' },
    ],
    [
      { 'full-name': 'none', name: 'none' },
      { fullName: null, name: 'none' },
    ],
    [{ quota: '5', bytes: '7' }, { quotas: { devices: 5, bytes: 7 } }],
    [{ quota: 'none' }, { quotas: { devices: null } }],
    [{ tag: ['a,b', 'c', ','] }, { tags: ['a', 'b', 'c'] }],
    [{ ports: 'web,22' }, { ports: ['web', 22] }],
    [
      { online: true, invite: true },
      { status: 'online', invite: true },
    ],
    [{ online: false }, {}],
    [{ until: '2026-11-28' }, { until: '2026-11-28T00:00:00.000Z' }],
    [{ until: '2026-11-28T10:00:00+02:00' }, { until: '2026-11-28T08:00:00.000Z' }],
    [{ until: '+8h' }, { until: '2026-11-28T18:00:00.000Z' }],
    [{ property: ['a=b=c', 'd='] }, { properties: { a: 'b=c', d: null } }],
  ])('%j', (given, fields) => {
    expect(fieldsOf(action, given, now)).toEqual(Object.assign(Object.create(null), fields));
  });

  test.each([
    [{ quota: 'many' }, '--quota many: must be a number or none'],
    [{ bytes: 'none' }, '--bytes none: must be a number'],
    [{ bytes: '-1' }, '--bytes -1: must be a number'],
    [{ ports: '22,x' }, '--ports 22,x: must be port numbers and "web", separated by commas'],
    [
      { until: 'tomorrow' },
      '--until tomorrow: must be a time such as 2026-11-28, 2026-11-28T18:00Z or +8h, in 8 hours',
    ],
    [
      { until: '2026-13-40' },
      '--until 2026-13-40: must be a time such as 2026-11-28, 2026-11-28T18:00Z or +8h, in 8 hours',
    ],
    [{ property: ['x'] }, '--property x: must be NAME=VALUE, or NAME= to take it away'],
    [{ property: ['=x'] }, '--property =x: must be NAME=VALUE, or NAME= to take it away'],
  ])('%j is wrong', (given, message) => {
    expect(() => fieldsOf(action, given, now)).toThrow(message);
  });

  test('a name of a property that every object has is no danger', () => {
    const fields = fieldsOf(action, { property: ['__proto__=x', 'constructor=y'] }, now);
    expect(JSON.stringify(fields)).toBe('{"properties":{"__proto__":"x","constructor":"y"}}');
  });
});
