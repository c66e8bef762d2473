import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Mosquitto } from '../mqtt/mosquitto.ts';
import { Operator } from '../mqtt/operator.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { ClientTunnel } from '../system/client-tunnel.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

const usage = `Usage: npm run bench:mqtt -- [OPTIONS]

How long it takes from a command at mosquitto until a service of the device answers through rm-reflector; all on loopback.

  --agent COMMAND   the executable, with leading arguments; may be repeated
                    (default: dist/x86_64/rm-agent and node dist/node/rm-agent.mjs)
  --commands N      commands, one after the other, each to a closed tunnel (default 300)
`;

const { values: options } = parseArgs({
  options: {
    agent: {
      type: 'string',
      multiple: true,
      default: ['dist/x86_64/rm-agent', 'node dist/node/rm-agent.mjs'],
    },
    commands: { type: 'string', default: '300' },
    help: { type: 'boolean', default: false },
  },
});
const commands = Number(options.commands);
if (options.help || !Number.isInteger(commands) || commands < 1) {
  (options.help ? process.stdout : process.stderr).write(usage);
  process.exit(options.help ? 0 : 64);
}

/** Milliseconds from the publication of one command. */
interface Times {
  /** Until the agent's report `successful` has come. */
  readonly reported: number;
  /** Until a byte has come back from the service. */
  readonly reached: number;
}

/** Sends one line to the control socket of an agent, and waits for the answer. */
async function control(path: string, line: string): Promise<void> {
  const socket = connect(path);
  socket.write(`${line}\n`);
  await once(socket, 'data');
  socket.destroy();
}

async function measure(command: readonly string[], version: string): Promise<readonly Times[]> {
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const { port } = echo.address() as AddressInfo;
  const broker = await Mosquitto.run();
  const operator = await Operator.at(broker);
  const system = await RemoteSystem.start({ services: [], agent: null });
  const base = `rm/${system.domain}/${deviceId}`;
  const file = join(system.directory, 'rm-agent.json');
  const path = join(system.directory, 'control');
  const configuration = {
    reflector: `http://127.0.0.1:${system.port}/`,
    device: { id: deviceId, domain: system.domain, password: { file: join(system.directory, 'device') } },
    services: [{ port, kind: 'tcp' }],
    start: 'onDemand',
    mqtt: { broker: broker.uri, version },
    control: path,
    stateFile: null,
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  const agent = AgentProcess.start(['--config', file], {}, command);
  await operator.until(`${base}/status`, ({ state }) => state === 'online');
  const times: Times[] = [];
  for (let round = 0; round < commands; round++) {
    const topic = `${base}/cmd/tunnel/${round}`;
    const started = performance.now();
    operator.publish(topic, { status: 'init', for: 600 });
    const report = await operator.until(
      topic,
      ({ status }) => status === 'successful' || status === 'failed',
    );
    if (report.status !== 'successful') throw new Error(`command ${round}: ${JSON.stringify(report)}`);
    const reported = performance.now() - started;
    const client = await ClientTunnel.open(system, { port });
    client.write('?');
    await once(client, 'data');
    times.push({ reported, reached: performance.now() - started });
    client.destroy();
    await control(path, 'open 0');
    await operator.until(`${base}/status`, ({ tunnel }) => tunnel === 'stopped');
  }
  agent.signal('SIGTERM');
  await agent.ended();
  operator.close();
  await system.stop();
  await broker.stop();
  echo.close();
  return times;
}

/** The smallest of `values` below which this share of them lies. */
function percentile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
}

const row = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
row(['agent', 'MQTT', 'reported p50, ms', 'p99', 'reached p50, ms', 'p99', 'longest']);
row(['---', '---', '---:', '---:', '---:', '---:', '---:']);
for (const agent of options.agent) {
  for (const version of ['5', '3.1.1']) {
    const times = await measure(agent.split(/ +/), version);
    const [reported, reached] = [times.map((one) => one.reported), times.map((one) => one.reached)];
    row([
      `\`${agent}\``,
      version,
      ...[percentile(reported, 0.5), percentile(reported, 0.99)],
      ...[percentile(reached, 0.5), percentile(reached, 0.99), percentile(reached, 1)],
    ]);
  }
}
