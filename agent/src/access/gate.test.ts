import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../simulation/clock.ts';
import type { Refusal } from '../tunnel/forwarded-port.ts';
import { type Answer, Gate, type Rule } from './gate.ts';

const consent: Rule = {
  mode: 'consent',
  windows: [],
  closing: 'end',
  askTimeout: 60,
  idle: 300,
  pause: 10,
};
const days = ['tue'] as const;
const office: Rule = { ...consent, mode: 'window', windows: [{ days, from: '08:00', to: '17:00' }] };

/** 2026-11-24 is a Tuesday. */
const at = (time: string) => Date.parse(`2026-11-24T${time}Z`);

/** A gate whose questions the test answers. */
class GateStage {
  readonly clock = new SimulatedClock();
  readonly gate: Gate;
  /** What was asked, and what cancelled it. */
  readonly asked: string[] = [];
  readonly events: string[] = [];
  readonly ended: string[] = [];
  answer: (answer: Answer) => void = () => undefined;
  reported: (change: string) => void = () => undefined;

  constructor(rule: Rule, time = at('12:00:00')) {
    this.time = time;
    this.gate = new Gate(
      this.clock,
      rule,
      at('00:00:00'),
      ({ port, channel }, answer) => {
        this.asked.push(`${port} ${channel}`);
        this.answer = answer;
        return { cancel: () => this.asked.push('cancelled') };
      },
      {
        changed: (change, detail, port) => {
          this.events.push(`${change} ${port}: ${detail}`);
          this.reported(change);
        },
        end: (channels, error) => {
          this.ended.push(`${[...channels].join(' ')}: ${error}`);
          for (const channel of channels) this.gate.released(channel);
        },
      },
    );
  }

  set time(ms: number) {
    this.clock.wallOffset = ms - this.clock.now();
  }

  /** Opens a channel: `in`, the fault, or what comes later. */
  open(channel: number): { result: unknown; cancel: () => void } {
    const resultOf = (refusal: Refusal | null) => refusal?.fault ?? 'in';
    const opened: { result: unknown; cancel: () => void } = { result: 'waits', cancel: () => undefined };
    const answer = this.gate.admit(22, channel, (refusal) => {
      opened.result = resultOf(refusal);
    });
    if (answer && 'cancel' in answer) opened.cancel = () => answer.cancel();
    else opened.result = resultOf(answer);
    return opened;
  }
}

describe('a window', () => {
  it.each([
    ['08:00:00', 'in'],
    ['16:59:59', 'in'],
    ['17:00:00', 2],
    ['07:59:59', 2],
  ])('at %s: %s', (time, result) => {
    expect(new GateStage(office, at(time)).open(1).result).toBe(result);
  });

  it('is one of local time', () => {
    const stage = new GateStage(office, at('16:30:00'));
    stage.clock.offset = 60;
    expect(stage.open(1).result).toBe(2);
  });

  it('is closed while the clock is not set', () => {
    const stage = new GateStage(office, Date.UTC(1970, 0, 6, 12));
    expect(stage.open(1).result).toBe(2);
    expect(stage.events).toEqual(['closed 22: is closed: the clock is not set']);
    stage.time = at('12:00:00');
    expect(stage.open(2).result).toBe('in');
  });

  it('counts a clock as set from the date of the build on', () => {
    const windows = [{ days, from: '00:00', to: '01:00' }];
    expect(new GateStage({ ...office, windows }, at('00:00:00')).open(1).result).toBe('in');
  });

  it('that is closed is reported once, until it was open', () => {
    const stage = new GateStage(office, at('17:00:00'));
    for (let channel = 1; channel < 30; channel++) stage.open(channel);
    expect(stage.events).toEqual(['closed 22: is closed at this time']);
    stage.time = at('16:00:00');
    stage.open(30);
    stage.time = at('18:00:00');
    stage.open(31);
    expect(stage.events).toHaveLength(2);
  });

  it('that closes ends what is open, on the second', () => {
    const stage = new GateStage(office, at('16:00:00'));
    stage.open(1);
    stage.open(2);
    stage.clock.advance(3_599_000);
    expect(stage.ended).toEqual([]);
    stage.clock.advance(1500);
    expect(stage.ended).toEqual(['1 2: 4']);
    expect(stage.events).toEqual(['ended null: is closed now: its time is over']);
    expect(stage.clock.pending).toBe(0);
  });

  it('that closes may keep what is open', () => {
    const stage = new GateStage({ ...office, closing: 'keep' }, at('16:00:00'));
    stage.open(1);
    expect(stage.clock.pending).toBe(0);
    stage.clock.advance(7_200_000);
    expect(stage.ended).toEqual([]);
    expect(stage.open(2).result).toBe(2);
  });

  it('goes on where the next one begins', () => {
    const windows = [...office.windows, { days, from: '16:30', to: '18:00' }];
    const stage = new GateStage({ ...office, windows }, at('16:59:00'));
    stage.open(1);
    stage.clock.advance(3_600_000);
    expect(stage.ended).toEqual([]);
    stage.clock.advance(61_000);
    expect(stage.ended).toEqual(['1: 4']);
  });

  it('notices a clock that jumps while a channel is open', () => {
    const stage = new GateStage(office, at('09:00:00'));
    stage.open(1);
    stage.time = at('20:00:00');
    stage.clock.advance(900_000);
    expect(stage.ended).toEqual(['1: 4']);
  });

  it('does not end before its time by a clock that was set back', () => {
    const stage = new GateStage(office, at('16:58:00'));
    stage.open(1);
    stage.time = at('09:00:00');
    stage.clock.advance(900_000);
    expect(stage.ended).toEqual([]);
    expect(stage.open(2).result).toBe('in');
  });

  it('ends what slept past its end, although the clock was set back meanwhile', () => {
    const stage = new GateStage(office, at('16:00:00'));
    stage.open(1);
    stage.time = at('09:00:00');
    stage.clock.suspend(7_200_000);
    expect(stage.ended).toEqual(['1: 4']);
  });

  it('is not ended by a person who refuses', () => {
    const stage = new GateStage(office);
    stage.open(1);
    expect(stage.gate.answer(false)).toBe(false);
    expect(stage.ended).toEqual([]);
  });

  it('costs no timer when nothing is open', () => {
    const stage = new GateStage(office);
    stage.open(1);
    expect(stage.clock.pending).toBe(1);
    stage.gate.released(1);
    expect(stage.clock.pending).toBe(0);
  });
});

describe('consent', () => {
  it.each([
    [true, 'in'],
    [false, 3],
  ])('can be answered by the listener of the question: %s is %s', (allow, result) => {
    const stage = new GateStage(consent);
    const answered: boolean[] = [];
    stage.reported = (change) => {
      if (change === 'asked') answered.push(stage.gate.answer(allow));
    };
    const opened = stage.open(1);
    expect(opened.result).toBe('waits');
    stage.clock.advance(1);
    expect(answered).toEqual([true]);
    expect(opened.result).toBe(result);
  });

  it('answered by its listener is not the answer to the next question', () => {
    const stage = new GateStage(consent);
    stage.reported = () => stage.gate.answer(true);
    stage.open(1);
    stage.reported = () => undefined;
    stage.gate.reset();
    const next = stage.open(2);
    stage.clock.advance(1);
    expect(next.result).toBe('waits');
  });

  it('is asked for once, and lets in all that waited', () => {
    const stage = new GateStage(consent);
    const opened = Array.from({ length: 30 }, (_, i) => stage.open(i));
    expect(new Set(opened.map(({ result }) => result))).toEqual(new Set(['waits']));
    const since = stage.clock.date();
    expect(stage.gate.waiting).toEqual({ port: 22, channels: 30, since, until: since + 60_000 });
    stage.answer('allowed');
    expect(new Set(opened.map(({ result }) => result))).toEqual(new Set(['in']));
    expect(stage.open(99).result).toBe('in');
    expect(stage.asked).toEqual(['22 0', 'cancelled']);
    expect(stage.events).toEqual(['asked 22: waits for consent, 60 s at most', 'allowed 22: allowed']);
    expect(stage.gate.waiting).toBeNull();
  });

  it.each([
    ['refused' as const, 3, 'refused at the device'],
    ['unanswered' as const, 4, 'not allowed: nobody answered within 60 s'],
  ])('that is %s is fault %i, and not asked again at once', (answer, fault, reason) => {
    const stage = new GateStage(consent);
    const opened = [stage.open(1), stage.open(2)];
    stage.answer(answer);
    expect(opened.map(({ result }) => result)).toEqual([fault, fault]);
    expect(stage.events.at(-1)).toBe(`${answer} 22: ${reason}`);
    expect(stage.open(3).result).toBe(fault);
    expect(stage.asked).toHaveLength(2);
    stage.clock.advance(10_000);
    expect(stage.open(4).result).toBe('waits');
    expect(stage.asked).toHaveLength(3);
  });

  it('that is not given is over after its time', () => {
    const stage = new GateStage(consent);
    const opened = stage.open(1);
    stage.clock.advance(59_999);
    expect(opened.result).toBe('waits');
    stage.clock.advance(2);
    expect(opened.result).toBe(4);
    expect(stage.events.at(-1)).toBe('unanswered 22: not allowed: nobody answered within 60 s');
    expect(stage.asked).toEqual(['22 1', 'cancelled']);
    expect(stage.clock.pending).toBe(0);
    stage.answer('allowed');
    expect(stage.open(2).result).toBe(4);
  });

  it('is for a session, which goes on a while after its last channel', () => {
    const stage = new GateStage(consent);
    stage.open(1);
    stage.answer('allowed');
    stage.gate.released(1);
    stage.clock.advance(299_000);
    expect(stage.open(2).result).toBe('in');
    stage.clock.advance(1_000_000);
    expect(stage.gate.inSession).toBe(true);
    stage.gate.released(2);
    stage.clock.advance(300_001);
    expect(stage.events.at(-1)).toBe('ended null: session is over');
    expect(stage.open(3).result).toBe('waits');
  });

  it('is for a session that lasts as long as one of its channels is open', () => {
    const stage = new GateStage(consent);
    stage.open(1);
    stage.open(2);
    stage.answer('allowed');
    stage.gate.released(1);
    // Not one that was let in here.
    stage.gate.released(9);
    expect(stage.clock.pending).toBe(0);
    stage.gate.released(2);
    expect(stage.clock.pending).toBe(1);
  });

  it('may come when those who waited have gone: they are in when they come back', () => {
    const stage = new GateStage(consent);
    const opened = stage.open(1);
    opened.cancel();
    expect(stage.gate.waiting).toMatchObject({ channels: 0 });
    stage.answer('allowed');
    expect(opened.result).toBe('waits');
    expect(stage.open(2).result).toBe('in');
    stage.gate.released(2);
    stage.clock.advance(300_001);
    expect(stage.clock.pending).toBe(0);
  });

  it('that comes after the waiting channels have gone is over after its time, even if none returns', () => {
    const stage = new GateStage(consent);
    stage.open(1).cancel();
    stage.answer('allowed');
    stage.clock.advance(299_999);
    expect(stage.gate.inSession).toBe(true);
    stage.clock.advance(2);
    expect([stage.gate.inSession, stage.clock.pending]).toEqual([false, 0]);
    // Nothing was open, and so nothing ends.
    expect(stage.ended).toEqual([]);
    expect(stage.open(2).result).toBe('waits');
  });

  it('is given and refused by hand, too', () => {
    const stage = new GateStage(consent);
    expect([stage.gate.answer(true), stage.gate.answer(false)]).toEqual([false, false]);
    const opened = stage.open(1);
    expect(stage.gate.answer(true)).toBe(true);
    expect(opened.result).toBe('in');
    expect(stage.gate.answer(true)).toBe(false);
    // Taken back: what is open ends.
    expect(stage.gate.answer(false)).toBe(true);
    expect(stage.ended).toEqual(['1: 3']);
    expect(stage.events.at(-1)).toBe('ended null: ended at the device');
    expect(stage.open(2).result).toBe(3);
    expect(stage.clock.pending).toBe(0);
  });

  it('is asked for in its windows only, and is over when they close', () => {
    const stage = new GateStage({ ...office, mode: 'consent' }, at('16:59:30'));
    stage.open(1);
    stage.answer('allowed');
    stage.clock.advance(30_500);
    expect(stage.ended).toEqual(['1: 4']);
    expect(stage.open(2).result).toBe(2);
    expect(stage.asked).toEqual(['22 1', 'cancelled']);
  });

  describe('with windows', () => {
    const rule: Rule = {
      ...office,
      mode: 'consent',
      windows: [{ days: ['tue', 'wed'], from: '08:00', to: '17:00' }],
    };
    const allowed = (more: Partial<Rule>, time = at('16:00:00')) => {
      const stage = new GateStage({ ...rule, ...more }, time);
      stage.open(1);
      stage.answer('allowed');
      return stage;
    };
    const nextMorning = at('09:00:00') + 86_400_000;

    it('is over when they close, though what is open is kept', () => {
      const stage = allowed({ closing: 'keep' });
      stage.clock.advance(nextMorning - at('16:00:00'));
      expect(stage.ended).toEqual([]);
      expect(stage.events.at(-1)).toBe('ended null: consent is over: its time is over');
      expect(stage.gate.inSession).toBe(false);
      expect(stage.open(2).result).toBe('waits');
      stage.answer('refused');
      expect(stage.ended).toEqual([]);
      // A refusal now also ends what was kept.
      expect(stage.gate.answer(false)).toBe(true);
      expect(stage.ended).toEqual(['1: 3']);
      expect(stage.gate.answer(false)).toBe(false);
      expect(stage.clock.pending).toBe(0);
    });

    it.each(['end', 'keep'] as const)('is over with them although nothing is open: %s', (closing) => {
      const stage = allowed({ closing, idle: 86_400 });
      stage.gate.released(1);
      stage.clock.advance(nextMorning - at('16:00:00'));
      expect(stage.gate.inSession).toBe(false);
      expect(stage.clock.pending).toBe(0);
      expect(stage.open(2).result).toBe('waits');
    });

    it.each(['end', 'keep'] as const)('does not outlive a night that the machine slept: %s', (closing) => {
      const stage = allowed({ closing });
      stage.time = nextMorning;
      expect(stage.open(2).result).toBe('waits');
      // The question, and the end of what must not be kept.
      expect(stage.clock.pending).toBe(closing === 'end' ? 2 : 1);
      stage.answer('refused');
      stage.clock.advance(900_000);
      expect(stage.ended).toEqual(closing === 'end' ? ['1: 4'] : []);
    });

    it('leaves no timer when nothing was open in such a night', () => {
      const stage = allowed({ idle: 86_400 });
      stage.gate.released(1);
      stage.time = nextMorning;
      expect(stage.open(2).result).toBe('waits');
      // The question alone.
      expect(stage.clock.pending).toBe(1);
    });

    it('goes on from one to the next that adjoins it', () => {
      const windows = [...rule.windows, { days: ['tue'] as const, from: '17:00', to: '18:00' }];
      const stage = allowed({ windows });
      stage.clock.advance(7_000_000);
      expect(stage.open(2).result).toBe('in');
      stage.clock.advance(300_000);
      expect(stage.ended).toEqual(['1 2: 4']);
    });

    it('given after the channel that asked has gone is over when they close', () => {
      const stage = new GateStage({ ...rule, idle: 86_400 }, at('16:59:00'));
      stage.open(1).cancel();
      stage.answer('allowed');
      expect(stage.gate.inSession).toBe(true);
      stage.clock.advance(61_000);
      expect(stage.gate.inSession).toBe(false);
    });
  });

  it('that comes after the window has closed admits no channel', () => {
    const stage = new GateStage({ ...office, mode: 'consent' }, at('16:59:30'));
    const opened = stage.open(1);
    stage.clock.advance(40_000);
    stage.answer('allowed');
    expect(opened.result).toBe(2);
    expect(stage.events.at(-1)).toBe('closed 22: is closed at this time');
    expect(stage.gate.inSession).toBe(false);
  });

  it('leaves nothing behind when it is reset', () => {
    const stage = new GateStage(consent);
    stage.open(1);
    stage.gate.reset();
    expect([stage.asked, stage.clock.pending]).toEqual([['22 1', 'cancelled'], 0]);
    stage.open(2);
    stage.answer('allowed');
    stage.gate.released(2);
    stage.gate.reset();
    expect(stage.clock.pending).toBe(0);
    expect(stage.open(3).result).toBe('waits');
  });
});
