import { expect, test } from 'vitest';
import type { Session } from '../ports/identity.ts';
import { Choices } from './choices.ts';

const session = (id: string, name = 'alice') => ({ id, user: { name } }) as Session;

test('each session has the device that it chose last', () => {
  const choices = new Choices({ sessions: 10, sessionsPerUser: 10 });
  choices.choose(session('1'), 'dev1');
  choices.choose(session('2'), 'dev2');
  choices.choose(session('1'), 'dev3');
  expect(['1', '2', '3'].map((id) => choices.chosen(session(id)))).toEqual(['dev3', 'dev2', null]);
});

test('sessionsPerUser: the oldest choice of the same user is forgotten, and none of others', () => {
  const choices = new Choices({ sessions: 10, sessionsPerUser: 2 });
  choices.choose(session('9', 'bob'), 'dev9');
  for (const id of ['1', '2', '1', '3']) choices.choose(session(id), `dev${id}`);
  const chosen = ['1', '2', '3'].map((id) => choices.chosen(session(id)));
  expect([...chosen, choices.chosen(session('9', 'bob'))]).toEqual(['dev1', null, 'dev3', 'dev9']);
});
