import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Authority } from '../certificates/authority.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import type { Reflector } from './stage/reflector.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

const authority = authorityOfFile();
const other = authorityOfFile();

function secure(stage: Stage, by = authority()): Promise<Reflector> {
  return stage.reflector({ ...by.issue() });
}

function run(stage: Stage, command: string, reflector: Reflector, environment = {}, tls = {}) {
  const settings = configuration(`https://127.0.0.1:${reflector.port}/`, [1], { tls });
  return stage.run([command, '--config', stage.file(JSON.stringify(settings))], environment);
}

describe.concurrent('trusted authorities', () => {
  scenario.for([
    ['SSL_CERT_FILE', () => authority().file],
    ['SSL_CERT_DIR', () => authority().caDirectory()],
  ] as const)('come from %s, and the log says so', async ([variable, place], { stage }) => {
    const reflector = await secure(stage);
    const agent = run(stage, 'run', reflector, { SSL_CERT_FILE: '', [variable]: place() });
    const tunnel = (await reflector.upgrade()).accept();
    expect(await agent.logged(/info.*trusted: /)).toContain(`trusted: ${place()} (${variable})`);
    // Told once, not at each attempt.
    tunnel.drop();
    (await reflector.upgrade()).accept();
    expect(agent.log.filter((line) => line.includes('trusted: '))).toHaveLength(1);
  });

  scenario('of the configuration come before the environment', async ({ stage }) => {
    const reflector = await secure(stage);
    const agent = run(stage, 'check', reflector, { SSL_CERT_FILE: other().file }, { ca: authority().file });
    (await reflector.upgrade()).accept();
    // Nobody listens on port 1.
    expect((await agent.ended()).status).toBe(75);
    expect(agent.output).toMatch(/^ok +trusted +\/.*ca\.pem \(tls\.ca\)$/m);
  });

  scenario('that are nowhere are told of in one line, without an attempt', async ({ stage }) => {
    const reflector = await secure(stage);
    const agent = run(stage, 'check', reflector, { SSL_CERT_FILE: '/nonexistent/ca.pem' });
    expect((await agent.ended()).status).toBe(69);
    expect(agent.output).toMatch(/FAILED .*SSL_CERT_FILE: no trusted certificates at \/nonexistent\/ca\.pem/);
    expect(reflector.connections).toBe(0);
  });

  scenario('are those of the system, or the host brings them, and the log says which', async ({ stage }) => {
    const reflector = await secure(stage);
    const agent = run(stage, 'run', reflector, { SSL_CERT_FILE: '', SSL_CERT_DIR: '' });
    await agent.logged(
      /trusted: (\/\S+ \(of the system\)|those of Node\.js .*; none at \/etc\/ssl\/certs\/)|no trusted certificates on this system: none at \/etc\/ssl\/certs\/.*; see tls\.ca/,
    );
    await agent.logged(/not connected: /);
    expect(reflector.pending).toBe(0);
  });

  scenario.for(['file', 'directory'] as const)(
    'in a %s are read anew for each attempt, and no session outlives them',
    async (kind, { stage }) => {
      const directory = join(stage.directory, `trusted-${kind}`);
      const file = stage.file('', `ca-${kind}.pem`);
      const put = (by: Authority) => {
        const content = by.caPem();
        if (kind === 'file') {
          writeFileSync(`${file}.new`, content);
          renameSync(`${file}.new`, file);
        } else {
          stage.directoryWith(directory, 'authority.pem', content);
        }
      };
      put(authority());
      const reflector = await secure(stage);
      const agent = run(stage, 'run', reflector, {}, { ca: kind === 'file' ? file : directory });
      for (let round = 0; round < 2; round++) (await reflector.upgrade()).accept().drop();
      const third = (await reflector.upgrade()).accept();
      // From now on nothing that this server shows is trusted, a ticket that it gave before included.
      put(other());
      third.drop();
      await agent.logged(/not connected: .*(trust|issuer|authority)/);
      put(authority());
      (await reflector.upgrade()).accept();
      rmSync(directory, { recursive: true, force: true });
    },
  );
});
