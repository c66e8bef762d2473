import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test, vi } from 'vitest';
import { Cluster, type DeviceName, deviceNames, nodeNames } from '../networks/cluster.ts';
import { machines, type NodeName } from '../networks/cluster-lab.ts';
import { patience } from '../scenarios/stage/wait.ts';

/**
 * Real nodes on machines of their own whose network, database and processes fail. Their clocks differ by hours, and one of them
 * knows the two hosts of the database instead of an address that moves.
 */
const options = {
  hoursAhead: { a: 5, b: -11 },
  databaseHosts: { c: `${machines.primary},${machines.replica}` },
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start(options);
});
// A test that fails leaves nothing broken for the next one.
afterEach(() => cluster?.lab.mendAll());
afterAll(() => cluster?.stop());

const until = (condition: () => boolean | Promise<boolean>) =>
  vi.waitUntil(condition, { timeout: 2 * patience, interval: 200 });

/** Every device answers through these nodes, and for itself. */
async function reached(nodes: readonly NodeName[] = nodeNames): Promise<boolean> {
  const asked = nodes.flatMap((node) => deviceNames.map((device) => [node, device] as const));
  const answers = await Promise.all(asked.map(([node, device]) => cluster.ask(node, device)));
  // Whatever happens, nobody else answers.
  answers.forEach((answer, at) => {
    const other = deviceNames.find((name) => name === answer && name !== asked[at]?.[1]);
    expect(other, `an answer in the place of ${asked[at]}`).toBeUndefined();
  });
  return answers.every((answer, at) => answer === asked[at]?.[1]);
}

/** The node at which the tunnel of a device ends. */
async function ownerOf(device: DeviceName): Promise<NodeName> {
  const owner = `SELECT n.name FROM rm_server.fleet_presence AS p JOIN rm_server.fleet_nodes AS n USING (epoch)
    WHERE p.id = '${device}' AND NOT p.gone`;
  let found: string | undefined;
  await until(async () => {
    [found] = await cluster.sql(owner);
    return found !== undefined;
  });
  return found as NodeName;
}

const others = (name: NodeName) => nodeNames.filter((one) => one !== name);
const tellLogs = () => onTestFailed(() => console.error(cluster.logs));

test('each device is reached through each node', async () => {
  tellLogs();
  await until(() => reached());
});

test('a user who has logged in at a node whose clock is not behind is known at the others', async () => {
  tellLogs();
  const dates = await Promise.all(nodeNames.map((node) => cluster.dateOf(node)));
  const hours = dates.map((date) => Math.round((date - Date.now()) / 3_600_000));
  expect(hours.map(String)).toEqual(['5', '-11', '0']);
  // Tokens end by the clock of whoever is asked: what a node makes that is hours behind has ended for the others.
  const knownTo = { a: nodeNames, b: ['b'], c: nodeNames } as const;
  for (const node of nodeNames) {
    const token = await cluster.logIn(node);
    for (const other of knownTo[node])
      await until(async () => (await cluster.ask(other, 'device-1', token)) === 'device-1');
  }
});

test('kill -9 of a node: its devices are reached through the others, and through it once it is back', async () => {
  tellLogs();
  const owner = await ownerOf('device-1');
  await cluster.killNode(owner);
  await until(() => reached(others(owner)));
  await cluster.startNode(owner);
  await until(() => reached());
});

test('SIGSTOP of a node: its devices come to the others, and the zombie reaches them when it goes on', async () => {
  tellLogs();
  const owner = await ownerOf('device-1');
  cluster.signal(owner, 'SIGSTOP');
  await until(() => reached(others(owner)));
  cluster.signal(owner, 'SIGCONT');
  await until(() => reached());
});

test('one direction between two nodes is cut: the other ways carry, and this one again when it is mended', async () => {
  tellLogs();
  const owner = await ownerOf('device-1');
  const [one, other] = others(owner) as [NodeName, NodeName];
  cluster.lab.cut(one, owner);
  expect(await cluster.ask(one, 'device-1')).toMatch(/^503/);
  expect(await cluster.ask(other, 'device-1')).toBe('device-1');
  cluster.lab.mend(owner);
  await until(() => reached());
});

test('the way to the database is cut at the owner, and a user who is removed loses the device elsewhere at once', async () => {
  tellLogs();
  const owner = await ownerOf('device-1');
  const [other] = others(owner) as [NodeName];
  cluster.addUser('bob');
  const stream = cluster.stream(other, 'device-1', 'bob');
  await once(stream.stdout as NonNullable<typeof stream.stdout>, 'data');
  cluster.lab.cut(owner, 'primary');
  cluster.removeUser('bob');
  // Through another node, over the relay of the owner, which cannot know.
  await once(stream, 'close');
  expect(await cluster.ask(other, 'device-1', 'bob')).toMatch(/^401/);
  expect(await cluster.ask(owner, 'device-1')).toBe('device-1');
  cluster.lab.mend('primary');
  await until(() => reached());
  await until(async () => (await cluster.ask(owner, 'device-1', 'bob')).startsWith('401'));
});

test('a device that moves without a word is reached by its new tunnel', async () => {
  tellLogs();
  const agent = cluster.agents.get('device-1');
  const seen = agent?.log.length;
  // What the former connection sends and gets is lost; HAProxy keeps its half.
  cluster.lab.sh(
    'device-1',
    'ip addr add 10.78.0.51/24 dev eth0; ip addr del 10.78.0.41/24 dev eth0; ip addr replace 10.78.0.51/24 dev eth0',
  );
  await agent?.logged(/ connected to/, seen);
  await until(() => reached());
});

test('the database fails over under load: what was acknowledged is there, and no tunnel ends', async () => {
  tellLogs();
  await until(() => reached());
  const lines = deviceNames.map((name) => cluster.agents.get(name)?.log.length ?? 0);
  const acknowledged: string[] = [];
  let isOver = false;
  const write = async (node: NodeName) => {
    for (let n = 0; !isOver; n++) {
      const id = `${node}-${n}`;
      if ((await cluster.api(node, 'POST', '/domains', { id, name: id })) < 300) acknowledged.push(id);
    }
  };
  const writers = nodeNames.map(write);
  await until(() => acknowledged.length >= 5);
  await cluster.failOver();
  const before = acknowledged.length;
  await until(() => acknowledged.length >= before + 5);
  isOver = true;
  await Promise.all(writers);
  const kept = new Set(await cluster.sql('SELECT id FROM rm_server.fleet_domains'));
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  await until(() => reached());
  deviceNames.forEach((name, at) => {
    const said = cluster.agents.get(name)?.log.slice(lines[at]) ?? [];
    expect(said.filter((line) => line.includes('disconnected'))).toEqual([]);
  });
});
