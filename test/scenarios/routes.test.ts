import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { runsUnder } from './stage/features.ts';
import { expectNoSecret } from './stage/proxy-secret.ts';
import { configuration, scenario } from './stage/stage.ts';

/** Several ways out, several reflectors, and addresses of last resort. */

const authority = authorityOfFile();

const patient = { reconnect: { min: 600, max: 600 } };

describe.concurrent('several ways', () => {
  scenario('are tried at once, one after the other', async ({ stage }) => {
    const dead = await reservedPort();
    const proxy = await stage.httpProxy();
    const socks = await stage.socksProxy('me:right');
    const reflector = await stage.reflector();
    const agent = stage.agent(
      configuration(reflector, [1], {
        proxy: [
          `http://127.0.0.1:${dead}`,
          `socks5://127.0.0.1:${socks.port}`,
          `http://127.0.0.1:${proxy.port}`,
          'direct',
        ],
        ...patient,
      }),
    );
    (await proxy.request()).refuse('503 Service Unavailable');
    await reflector.tunnel();
    const line = await agent.logged(/tried first/);
    expect(line).toMatch(new RegExp(`proxy 127\\.0\\.0\\.1:${dead}: connection refused`, 'i'));
    expect(line).toContain(`proxy 127.0.0.1:${socks.port} refused us: it wants a user and a password`);
    expect(line).toContain(`proxy 127.0.0.1:${proxy.port} answered 503`);
  });

  scenario('lead to several reflectors, in order', async ({ stage }) => {
    const first = await stage.reflector();
    const second = await stage.reflector();
    const agent = stage.agent(
      configuration('', [1], { reflector: [first.uri, second.uri], reconnect: { min: 1, max: 1 } }),
    );
    (await first.upgrade()).refuse('503 Service Unavailable');
    const tunnel = await second.tunnel();
    await agent.logged(new RegExp(`connected to ${second.uri}`));
    tunnel.drop();
    // Each attempt starts at the top.
    await first.tunnel();
    await agent.logged(new RegExp(`connected to ${first.uri}`));
  });

  scenario('that have all failed are each named, in one line', async ({ stage }) => {
    const dead = await reservedPort();
    const full = await stage.reflector();
    const agent = stage.agent(
      configuration('', [1], { reflector: [`http://127.0.0.1:${dead}/`, full.uri], ...patient }),
    );
    (await full.upgrade()).refuse('503 Service Unavailable');
    const line = await agent.logged(/not connected/);
    expect(line).toMatch(new RegExp(`127\\.0\\.0\\.1 port ${dead}: connection refused`, 'i'));
    expect(line).toContain(`127.0.0.1:${full.port} answered 503 Service Unavailable`);
  });

  // The library has no command line.
  scenario.skipIf(runsUnder('library'))('are each reported by check', async ({ stage }) => {
    const dead = await reservedPort();
    const reflector = await stage.reflector();
    const file = stage.file(
      JSON.stringify(
        configuration(reflector, [1], {
          proxy: [`http://me:proxy-s3cret@127.0.0.1:${dead}`, 'direct'],
        }),
      ),
    );
    const agent = stage.run(['check', '--config', file]);
    await reflector.tunnel();
    // Nobody listens on port 1.
    expect((await agent.ended()).status).toBe(75);
    const lines = agent.output.split('\n').map((line) => line.replace(/ +/g, ' ').toLowerCase());
    expect(lines).toContain(`try reflector ${reflector.uri} through proxy http://127.0.0.1:${dead}`);
    expect(lines).toContain(`failed connecting proxy 127.0.0.1:${dead}: connection refused`);
    expect(lines).toContain(`ok connecting 127.0.0.1 port ${reflector.port}`);
    expect(lines).toContain(`ok upgrade ${reflector.uri}`);
    expectNoSecret(agent);
  });
});

describe.concurrent('"addresses"', () => {
  /** No name server is asked for a name with a label of 64 characters: it has no answer by RFC 1035 section 2.3.4. */
  const name = 'x'.repeat(64);

  scenario('that are silent hold up nobody', async ({ stage }) => {
    const silent = await stage.silentPort();
    const reflector = await stage.reflector(undefined, silent.port, '127.0.0.2');
    stage.agent(
      configuration(`http://${name}:${silent.port}/`, [1], {
        addresses: { [name]: ['127.0.0.1', '127.0.0.2'] },
        // Far longer than the whole scenario may take.
        timeouts: { connect: 600 },
      }),
    );
    await reflector.tunnel();
  });

  scenario('are dialled when there is no other, the next when one has failed', async ({ stage }) => {
    const reflector = await stage.reflector(authority().issue({ names: `DNS:${name}` }));
    stage.agent(
      configuration(`https://${name}:${reflector.port}/`, [1], {
        addresses: { [name]: ['127.0.0.2', '127.0.0.1'] },
        tls: { ca: authority().file },
      }),
    );
    expect((await reflector.upgrade()).header('Host')).toBe(`${name}:${reflector.port}`);
  });

  scenario('are no proof of who is there', async ({ stage }) => {
    const reflector = await stage.reflector(authority().issue());
    const agent = stage.agent(
      configuration(`https://${name}:${reflector.port}/`, [1], {
        addresses: { [name]: ['127.0.0.1'] },
        tls: { ca: authority().file },
        ...patient,
      }),
    );
    expect(await agent.logged(/not connected/)).toMatch(/certificate/i);
    expect(reflector.pending).toBe(0);
  });
});
