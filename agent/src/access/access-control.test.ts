import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import type { Program } from '../../simulation/host.ts';
import { AccessControl } from './access-control.ts';
import type { Ask } from './gate.ts';

const consent = { mode: 'consent', ask: '/bin/ask --gently' };

/** Port 80 has the common rule, 22 (named "shell") and 5900 one each of their own. */
function made(
  rules: { readonly common?: object; readonly shell?: object; readonly screen?: object },
  ask: Ask | null = null,
) {
  const host = new AgentHost();
  const configuration = host.configure({
    access: rules.common ?? {},
    services: [
      { port: 80 },
      { port: 22, name: 'shell', access: rules.shell },
      { port: 5900, access: rules.screen },
    ].map(({ access, ...service }) => ({ ...service, ...(access && { access }) })),
  });
  const errors: string[] = [];
  const events: string[] = [];
  const ended: number[][] = [];
  const log = { error: (text: string) => errors.push(text), warning: () => {}, info: () => {} };
  const control = new AccessControl(host, configuration, log, 0, ask, {
    changed: (change, _detail, port) => events.push(`${change} ${port}`),
    end: (channels) => ended.push([...channels]),
  });
  /** Opens a channel: what was decided at once or later. */
  const open = (port: number, channel: number) => {
    const opened: { result: unknown } = { result: 'waits' };
    const resultOf = (refusal: { fault: number } | null) => refusal?.fault ?? 'in';
    const answer = control.admitTo(port)?.(channel, (refusal) => {
      opened.result = resultOf(refusal);
    });
    if (answer === undefined) opened.result = 'no gate';
    else if (!answer || 'fault' in answer) opened.result = resultOf(answer);
    return opened;
  };
  /** The program answers so. */
  const program = (result: Program) => host.processes.results.set('/bin/ask --gently', result);
  return { host, control, open, program, errors, events, ended };
}

describe('access', () => {
  it('needs no gate where it is always allowed', () => {
    const { control } = made({ common: consent, shell: { mode: 'always' } });
    expect(control.admitTo(22)).toBeUndefined();
    expect(control.admitTo(80)).toBeDefined();
    expect(control.admitTo(443)).toBeUndefined();
  });

  it('is allowed once for all services that share a rule, and apart for one that has its own', () => {
    const { open, program, control, host } = made({ common: consent, shell: consent });
    program({ status: 0 });
    open(80, 1);
    host.clock.advance(10);
    expect([open(80, 2).result, open(5900, 3).result, open(22, 4).result]).toEqual(['in', 'in', 'waits']);
    expect(control.status.sessions).toBe(1);
    host.clock.advance(10);
    expect(control.status.sessions).toBe(2);
  });

  it('ends with its last channel, a while later', () => {
    const { open, program, control, host } = made({ shell: { ...consent, idle: 5 } });
    program({ status: 0 });
    open(22, 1);
    host.clock.advance(10);
    control.released(80, 1);
    host.clock.advance(6000);
    expect(control.status.sessions).toBe(1);
    control.released(22, 1);
    host.clock.advance(6000);
    expect(control.status.sessions).toBe(0);
  });

  it('is answered by hand for one port, or for all', () => {
    const silent: Ask = () => ({ cancel: () => undefined });
    const { open, control } = made({ common: consent, shell: consent }, silent);
    const [web, shell] = [open(80, 1), open(22, 2)];
    expect(control.answer(true, 443)).toBe(false);
    expect(control.answer(true, 22)).toBe(true);
    expect([web.result, shell.result]).toEqual(['waits', 'in']);
    expect(control.answer(false, null)).toBe(true);
    expect([web.result, shell.result]).toEqual([3, 'in']);
    expect(control.answer(true, null)).toBe(false);
  });

  it('lists the questions that wait, by the name of the service', () => {
    const silent: Ask = () => ({ cancel: () => undefined });
    const { open, control, host } = made({ shell: consent, screen: consent }, silent);
    expect(control.status).toEqual({ waiting: [], sessions: 0 });
    open(22, 1);
    const since = host.clock.date();
    const question = { port: 22, channels: 1, since, until: since + 60_000, name: 'shell' };
    expect(control.status).toEqual({ waiting: [question], sessions: 0 });
    open(5900, 2);
    expect(control.status.waiting).toEqual([question, { ...question, port: 5900, name: null }]);
    control.reset();
    expect(control.status.waiting).toEqual([]);
  });
});

describe('the program that asks', () => {
  it.each([
    ['allows with status 0', { status: 0 }, 'in', 'allowed 22'],
    ['refuses with another', { status: 1 }, 3, 'refused 22'],
    ['refuses when a signal ends it', { status: null }, 3, 'refused 22'],
    ['answers nothing when its time is over', { status: null, timedOut: true }, 4, 'unanswered 22'],
    [
      'answers nothing by a status that comes with the end of its time',
      { status: 0, timedOut: true },
      4,
      'unanswered 22',
    ],
  ])('%s', (_name, result, expected, event) => {
    const { open, program, host, events } = made({ shell: consent });
    program(result);
    const opened = open(22, 7);
    host.clock.advance(10);
    expect(opened.result).toBe(expected);
    expect(events).toEqual(['asked 22', event]);
  });

  it('learns for whom it asks', () => {
    const { open, host } = made({ shell: { ...consent, askTimeout: 30 }, screen: consent });
    open(22, 7);
    open(5900, 8);
    expect(host.processes.runs).toMatchObject([
      {
        command: '/bin/ask --gently',
        options: {
          timeoutMs: 30_000,
          environment: { RM_PORT: '22', RM_SERVICE: 'shell', RM_CHANNEL: '7', RM_TIMEOUT: '30' },
        },
      },
      {
        options: {
          timeoutMs: 60_000,
          environment: { RM_PORT: '5900', RM_SERVICE: '', RM_CHANNEL: '8', RM_TIMEOUT: '60' },
        },
      },
    ]);
  });

  it('that cannot be started leaves the answer to a person', () => {
    const { open, control, host, errors } = made({ shell: consent });
    const opened = open(22, 1);
    host.clock.advance(1000);
    expect(opened.result).toBe('waits');
    expect(errors).toEqual(['access: /bin/ask: no such file; "rm-agent consent" can answer in its place']);
    expect(control.answer(true, null)).toBe(true);
    expect(opened.result).toBe('in');
  });

  it('is not needed where only a person answers', () => {
    const { open, control, host } = made({ shell: { mode: 'consent' } });
    const opened = open(22, 1);
    host.clock.advance(59_000);
    expect(host.processes.runs).toEqual([]);
    expect(control.answer(true, 22)).toBe(true);
    expect(opened.result).toBe('in');
  });

  it('is not run where the application asks', () => {
    const asked: unknown[] = [];
    const { open, host } = made({ shell: consent }, (question) => {
      asked.push(question);
      return { cancel: () => undefined };
    });
    open(22, 1);
    expect(asked).toEqual([{ port: 22, channel: 1, timeoutMs: 60_000 }]);
    expect(host.processes.runs).toEqual([]);
  });
});
