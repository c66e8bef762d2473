import type { ServerOptions } from 'node:https';
import { describe, expect } from 'vitest';
import { Authority, type CertificateOptions } from '../certificates/authority.ts';
import { executable } from './stage/agent-process.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { fault, open } from './stage/frames.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

/**
 * The same executable with a build date in 2100: to it, the clock of this machine is one that has not been set. Nothing
 * else can be done to the time of a static executable.
 */
const clockless = (process.env.RM_AGENT_CLOCKLESS ?? '').split(/ +/).filter((word) => word !== '');

const longLived = () => new Authority('ecdsa', 40_000);
const authority = authorityOfFile(longLived);
const stranger = authorityOfFile(longLived);

/** Valid when the agent was built, and not yet now. */
const then = { from: '20990101000000Z', until: '21010101000000Z' };
/** Valid now, and not any more when the agent was built. */
const now = { until: '20490101000000Z' };

async function dial(
  stage: Stage,
  server: ServerOptions,
  tls: object = {},
  command: readonly string[] = clockless,
) {
  const reflector = await stage.reflector(server);
  const settings = configuration(`https://127.0.0.1:${reflector.port}/`, [80], {
    tls: { ca: authority().file, ...tls },
  });
  const agent = stage.run(['run', '--config', stage.file(JSON.stringify(settings))], {}, command);
  return { agent, reflector };
}

(clockless.length > 0 ? describe.concurrent : describe.skip)('a clock that is not set', () => {
  scenario('opens no window of access', async ({ stage }) => {
    const reflector = await stage.reflector();
    const access = { mode: 'window', windows: [{ from: '00:00', to: '24:00' }] };
    const settings = configuration(reflector, [80], { access });
    const agent = stage.run(['--config', stage.file(JSON.stringify(settings))], {}, clockless);
    const tunnel = await reflector.tunnel();
    tunnel.send(open(1, 80));
    await tunnel.expect(fault(1, 2));
    await agent.logged(/access to port 80 is closed: the clock is not set/);
  });

  scenario.for(['TLSv1.2', 'TLSv1.3'] as const)(
    'is told of once, and dates are judged by the day of the build, over %s',
    async (version, { stage }) => {
      const { agent, reflector } = await dial(stage, {
        ...authority().issue(then),
        minVersion: version,
        maxVersion: version,
      });
      for (let round = 0; round < 3; round++) (await reflector.upgrade()).accept().drop();
      await reflector.upgrade();
      const told = agent.log.filter((line) => /warning.*the clock shows/.test(line));
      expect(told).toEqual([
        expect.stringMatching(
          /the clock shows 20\d\d-\d\d-\d\d, before this agent was built: .* judged by 2100-01-01/,
        ),
      ]);
    },
  );

  scenario('lets certificates in that are younger than the agent', async ({ stage }) => {
    const young = { from: '21010101000000Z', until: '21100101000000Z' };
    const between = authority().intermediate(young);
    for (const by of [authority(), between]) {
      const { agent, reflector } = await dial(stage, { ...by.issue(young) });
      (await reflector.upgrade()).accept();
      await agent.logged(/connected to https:/);
    }
    between.remove();
  });

  scenario('is set by the reflector, once that has proven who it is', async ({ stage }) => {
    const shown = (from: string, until: string) => ({ ...authority().issue({ from, until }) });
    const good = await stage.reflector(shown('21010101000000Z', '21100101000000Z'));
    const early = await stage.reflector(shown('21070101000000Z', '21100101000000Z'));
    const late = await stage.reflector(shown('21010101000000Z', '21030101000000Z'));
    const uri = ({ port }: { port: number }) => `https://127.0.0.1:${port}/`;
    const settings = {
      ...configuration('', [80], { tls: { ca: authority().file } }),
      reflector: [good, early, late].map(uri),
    };
    const agent = stage.run(['--config', stage.file(JSON.stringify(settings))], {}, clockless);
    const headers = ['Date: Tue, 05 May 2105 05:05:05 GMT'];
    (await good.upgrade()).accept({ headers }).drop();
    await agent.logged(/the reflector says that it is 2105-05-05/);
    (await good.upgrade()).refuse('503 Service Unavailable');
    const line = await agent.logged(/not connected: .*503/);
    expect(line).toMatch(/not (yet )?valid.*expired/);
    expect([early.pending, late.pending]).toEqual([0, 0]);
    // It is still that time when the reflector says nothing of it.
    (await good.upgrade()).accept();
    expect(agent.log.filter((text) => text.includes('the reflector says'))).toHaveLength(1);
  });

  scenario('is not set by a reflector that is not verified', async ({ stage }) => {
    const { agent, reflector } = await dial(stage, { ...authority().issue(then) }, { verify: false });
    (await reflector.upgrade()).accept({ headers: ['Date: Tue, 05 May 2105 05:05:05 GMT'] });
    await agent.logged(/connected to https:/);
    expect(agent.log.join('\n')).not.toMatch(/the reflector says/);
  });

  scenario('does not matter to a longer chain', async ({ stage }) => {
    const between = authority().intermediate(then);
    const { agent, reflector } = await dial(stage, { ...between.issue(then) });
    (await reflector.upgrade()).accept();
    await agent.logged(/connected to https:/);
    between.remove();
  });

  const hostile: [string, CertificateOptions & { readonly by?: 'stranger' }, RegExp][] = [
    ['that had expired by then', now, /expired/],
    ['of an authority unknown, valid then', { ...then, by: 'stranger' }, /trust|issuer|authority/],
    [
      'of an authority unknown, expired by then',
      { ...now, by: 'stranger' },
      /trust|issuer|authority|expired/,
    ],
    ['of another name, valid then', { ...then, names: 'DNS:elsewhere.example' }, /name|not for/],
    ['of another name, expired by then', { ...now, names: 'IP:127.0.0.2' }, /name|not for|expired/],
    [
      'that is for clients only',
      { ...then, extensions: ['extendedKeyUsage=clientAuth'] },
      /trust|not for a server/,
    ],
  ];
  scenario.for(hostile)(
    'lets no reflector in with a certificate %s',
    async ([, options, line], { stage }) => {
      const by = (options.by === 'stranger' ? stranger : authority)();
      const { agent, reflector } = await dial(stage, { ...by.issue(options) });
      expect(await agent.logged(/not connected: /)).toMatch(line);
      expect(reflector.pending).toBe(0);
    },
  );

  const between: [string, CertificateOptions, RegExp][] = [
    ['had expired by then', now, /expired/],
    ['is none', { ...then, extensions: ['basicConstraints=critical,CA:FALSE'] }, /trust|issuer|authority/],
  ];
  scenario.for(between)(
    'lets no reflector in over an authority that %s',
    async ([, options, line], { stage }) => {
      const middle = authority().intermediate(options);
      const { agent, reflector } = await dial(stage, { ...middle.issue(then) });
      expect(await agent.logged(/not connected: /)).toMatch(line);
      expect(reflector.pending).toBe(0);
      middle.remove();
    },
  );

  scenario('is believed all the same with "tls.clock": "system"', async ({ stage }) => {
    const late = await dial(stage, { ...authority().issue(then) }, { clock: 'system' });
    await late.agent.logged(/not connected: .*not (yet )?valid/);
    const { agent, reflector } = await dial(stage, { ...authority().issue(now) }, { clock: 'system' });
    (await reflector.upgrade()).accept();
    await agent.logged(/connected to https:/);
    expect([...agent.log, ...late.agent.log].join('\n')).not.toMatch(/the clock shows/);
  });

  scenario('is reported by check', async ({ stage }) => {
    const reflector = await stage.reflector({ ...authority().issue(then) });
    const settings = configuration(`https://127.0.0.1:${reflector.port}/`, [1], {
      tls: { ca: authority().file },
    });
    const agent = stage.run(['check', '--config', stage.file(JSON.stringify(settings))], {}, clockless);
    (await reflector.upgrade()).accept();
    // Nobody listens on port 1.
    expect((await agent.ended()).status).toBe(75);
    expect(agent.output).toMatch(/^ok +clock +the clock shows 20/m);
  });
});

describe.concurrent('a clock that is set', () => {
  scenario('is not logged again', async ({ stage }) => {
    const { agent, reflector } = await dial(stage, { ...authority().issue(now) }, {}, executable);
    (await reflector.upgrade()).accept();
    await agent.logged(/connected to https:/);
    expect(agent.log.join('\n')).not.toMatch(/the clock/);
  });
});
