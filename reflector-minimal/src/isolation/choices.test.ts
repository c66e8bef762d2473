import { expect, test } from 'vitest';
import type { Session } from '../sessions/sessions.ts';
import { Choices } from './choices.ts';

const session = (id: string) => ({ id }) as Session;

test('each session has the device that it chose last', () => {
  const choices = new Choices({ sessions: 10 });
  choices.choose(session('1'), 'dev1');
  choices.choose(session('2'), 'dev2');
  choices.choose(session('1'), 'dev3');
  expect(['1', '2', '3'].map((id) => choices.chosen(session(id)))).toEqual(['dev3', 'dev2', null]);
});

test('sessions: the oldest choice is forgotten', () => {
  const choices = new Choices({ sessions: 2 });
  for (const id of ['1', '2', '1', '3']) choices.choose(session(id), `dev${id}`);
  expect(['1', '2', '3'].map((id) => choices.chosen(session(id)))).toEqual(['dev1', null, 'dev3']);
});
