import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect } from 'vitest';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { briefly, within } from './stage/wait.ts';

/** The program that is told of each change of state. */

/** A program that notes what it was told, and then does what `then` says. */
function teller(stage: Stage, then = ''): { command: string[]; told: () => string[] } {
  const file = join(stage.directory, 'told');
  const text = `echo "$RM_PREVIOUS_STATE>$RM_STATE $RM_REASON" >> ${file}; ${then}`;
  return {
    command: ['/bin/sh', stage.file(text), 'an argument; with $(all) that a "shell" would take'],
    told: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []),
  };
}

describe.concurrent('notify', () => {
  scenario('tells of each state with its reason, of the last one before the end', async ({ stage }) => {
    const reflector = await stage.reflector();
    const { command, told } = teller(stage);
    const agent = stage.agent(configuration(reflector, [1], { notify: { command } }));
    await reflector.tunnel();
    agent.signal('SIGTERM');
    await agent.ended();
    // The newest state is told in any case; one in between may be left out while the program runs.
    expect(told()[0]).toBe('stopped>connecting ');
    expect(told().at(-1)).toMatch(/>stopped $/);
  });

  scenario('runs a program of the original agent as that does', async ({ stage }) => {
    const reflector = await stage.reflector();
    const pipe = join(stage.directory, 'told');
    execFileSync('mkfifo', [pipe]);
    // Open for writing as well, so that it never ends.
    const stream = createReadStream(pipe, { flags: 'r+', encoding: 'utf8' });
    const lines = createInterface(stream)[Symbol.asyncIterator]();
    const told = async () => (await within(lines.next(), 'the program to be run')).value;
    const command = ['/bin/sh', stage.file(`(printf '%s|' "$@"; echo) > ${pipe}`)];
    const agent = stage.agent(
      configuration(reflector, [1], { notify: { command, arguments: 'event', timeout: 60 } }),
    );
    (await reflector.upgrade()).refuse('503 Service Unavailable', 'X-PTTH-Error: so "busy" $(now)');
    expect(await told()).toMatch(/^error\|.*so "busy" \$\(now\).*\|$/);
    await reflector.tunnel();
    expect(await told()).toBe('connected|');
    agent.signal('SIGTERM');
    expect(await told()).toBe('disconnected|');
    await agent.ended();
    stream.destroy();
  });

  scenario('tells why there is no tunnel', async ({ stage }) => {
    const reflector = await stage.reflector();
    const { command, told } = teller(stage);
    const agent = stage.agent(
      configuration(reflector, [1], { notify: { command }, reconnect: { min: 3600, max: 3600 } }),
    );
    (await reflector.upgrade()).refuse('503 Service Unavailable');
    await agent.logged(/answered 503/);
    agent.signal('SIGTERM');
    await agent.ended();
    expect(told().join('\n')).toMatch(/>waiting .*503|>stopped/);
  });

  scenario('is never run twice at once, and ended when it hangs', async ({ stage }) => {
    const reflector = await stage.reflector();
    const busy = join(stage.directory, 'busy');
    // Of two that run at once the second finds the directory there.
    const { command, told } = teller(
      stage,
      `mkdir ${busy} || echo twice >> ${stage.directory}/told; sleep 0.2; rmdir ${busy}; case $RM_STATE in connected) exec sleep 600;; esac`,
    );
    const agent = stage.agent(configuration(reflector, [1], { notify: { command, timeout: briefly } }));
    for (let round = 0; round < 3; round++) (await reflector.tunnel()).drop();
    // The last state is told in any case.
    await reflector.tunnel();
    await agent.logged(new RegExp(`notify: /bin/sh: no end within ${briefly} s`));
    agent.signal('SIGTERM');
    await agent.ended();
    expect(told()).not.toContain('twice');
    expect(told().filter((line) => line.includes('>connected')).length).toBeGreaterThan(0);
  });

  scenario('that is missing is said once, and stops nothing', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const agent = stage.agent(
      configuration(reflector, [echo.port], { notify: { command: '/no/such/program' } }),
    );
    for (let round = 0; round < 3; round++) (await reflector.tunnel()).drop();
    await (await reflector.tunnel()).open(1, echo.port);
    expect(agent.log.filter((line) => line.includes('notify: /no/such/program'))).toHaveLength(1);
  });
});
