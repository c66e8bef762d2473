import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect } from 'vitest';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { within } from './stage/wait.ts';

/** Where the agent writes, and what it does where it cannot; what it tells a service manager. */

/** Names below a path of the stage, none of which is there. */
function places(stage: Stage) {
  const elsewhere = join(stage.directory, 'elsewhere');
  return {
    control: join(elsewhere, 'control.sock'),
    stateFile: join(elsewhere, 'state'),
    log: { to: { file: join(elsewhere, 'log') } },
  };
}

describe.concurrent('RM_STATE_DIR', () => {
  scenario('moves everything that the agent writes', async ({ stage }) => {
    const reflector = await stage.reflector();
    const directory = join(stage.directory, 'data');
    mkdirSync(directory);
    const environment = { RM_STATE_DIR: directory };
    const agent = stage.agent(configuration(reflector, [9], places(stage)), environment);
    await reflector.tunnel();
    const config = join(stage.directory, 'rm-agent-1.json');
    const command = stage.run(['disable', '--persist', '--config', config], environment);
    expect((await command.ended()).status, command.log.join('\n')).toBe(0);
    expect(readdirSync(directory).sort()).toEqual(['control.sock', 'log', 'state']);
    expect(readFileSync(join(directory, 'state'), 'utf8')).toBe('disabled\n');
    expect(existsSync(join(stage.directory, 'elsewhere'))).toBe(false);
    agent.signal('SIGTERM');
    await agent.ended();
    expect(readdirSync(directory).sort()).toEqual(['log', 'state']);
  });

  scenario('that is relative is an error', async ({ stage }) => {
    const agent = stage.agent(configuration('http://127.0.0.1:1/', [9]), { RM_STATE_DIR: 'data' });
    expect((await agent.ended()).status).toBe(78);
    expect(agent.log).toEqual(['RM_STATE_DIR: found "data", allowed is an absolute path']);
  });
});

describe.concurrent('without a directory to write in', () => {
  scenario('the agent runs, and says once what it cannot remember', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [9], { ...places(stage), log: {} }));
    const tunnel = await reflector.tunnel();
    const line =
      /stateFile: there is no directory .*elsewhere, so "enable" and "disable" last until the agent ends/;
    await agent.logged(line);
    tunnel.drop();
    await reflector.tunnel();
    expect(agent.log.filter((one) => line.test(one))).toHaveLength(1);
  });
});

/** Prints each message that arrives at a datagram socket: Node has none of the local kind. */
const listening = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    for line in s.recv(4096).decode().split("\\n"): print(line, flush=True)
`;

/** Does not read what arrives, of which there is as much as the system keeps. */
const deaf = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
senders = []
sent = 1
while sent:
    sent = 0
    senders.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    senders[-1].setblocking(False)
    try:
        while True:
            senders[-1].sendto(b"x", sys.argv[1])
            sent += 1
    except BlockingIOError: pass
print("full", flush=True)
sys.stdin.read()
`;

describe.concurrent('a service manager', () => {
  scenario('that does not listen keeps the agent from nothing', async ({ stage }) => {
    const socket = join(stage.directory, 'notify');
    const manager = spawn('python3', ['-c', deaf, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
    await within(once(manager.stdout, 'data'), 'a full queue');
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [9]), { NOTIFY_SOCKET: socket });
    await reflector.tunnel();
    agent.signal('SIGTERM');
    expect((await agent.ended()).status).toBe(0);
    manager.kill();
  });

  scenario('is told when the agent is ready, reloads, lives and stops', async ({ stage }) => {
    const socket = join(stage.directory, 'notify');
    const manager = spawn('python3', ['-c', listening, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    const told: string[] = [];
    const lines = createInterface({ input: manager.stdout }).on('line', (line) => told.push(line));
    let from = 0;
    const next = async (wanted: string) => {
      const came = async () => {
        while (!told.includes(wanted, from)) await once(lines, 'line');
        from = told.indexOf(wanted, from) + 1;
      };
      await within(came(), `${wanted} after ${told.slice(from).join()}`);
    };
    await next('listening');
    const reflector = await stage.reflector();
    const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '20000000' };
    const agent = stage.agent(configuration(reflector, [9]), environment);
    await next('READY=1');
    await reflector.tunnel();
    await next('STATUS=connected');
    expect(told).toContain('WATCHDOG=1');
    agent.signal('SIGHUP');
    await next('RELOADING=1');
    await next('READY=1');
    agent.signal('SIGTERM');
    await next('STOPPING=1');
    expect((await agent.ended()).status).toBe(0);
    manager.kill();
  });
});
