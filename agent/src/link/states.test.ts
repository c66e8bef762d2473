import { describe, expect, it } from 'vitest';
import { type LinkEvent, type LinkState, nextState, transitions } from './states.ts';

const states = Object.keys(transitions) as LinkState[];
const events = [...new Set(Object.values(transitions).flatMap((row) => Object.keys(row)))] as LinkEvent[];

/** All that can follow on `from`. */
function reachable(from: LinkState): Set<LinkState> {
  const found = new Set([from]);
  for (const state of found) for (const next of Object.values(transitions[state])) found.add(next);
  return found;
}

describe('the table of states', () => {
  it('has the states of a link', () => {
    expect(states).toEqual([
      'idle',
      'preparing',
      'resolving',
      'connecting',
      'proxy',
      'tls',
      'upgrade',
      'live',
      'closing',
      'waiting',
      'disabled',
    ]);
  });

  it.each(states)('leads from %s to every other state, so that nothing is a dead end', (state) => {
    expect([...reachable(state)].sort()).toEqual([...states].sort());
  });

  it('enters "live" only through an upgrade, and goes down from "live" only through closing', () => {
    const into = states.filter((state) => Object.values(transitions[state]).includes('live'));
    expect(into).toEqual(['upgrade']);
    expect(transitions.live).toEqual({ close: 'closing', lost: 'waiting' });
  });

  it.each(states)('throws at whatever %s does not know', (state) => {
    for (const event of events) {
      const next = transitions[state][event];
      if (next) expect(nextState(state, event)).toBe(next);
      else expect(() => nextState(state, event)).toThrow(`link: "${event}" in state ${state}`);
    }
  });
});
