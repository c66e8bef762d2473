import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { root } from '../checkout.ts';
import { patience } from '../scenarios/stage/wait.ts';
import { Cluster, deviceNames, nodeNames, secret } from './cluster.ts';
import type { NodeName } from './cluster-lab.ts';

/**
 * The program of `npm run upgrade`: three nodes of another version become nodes of this checkout, one after the other, while every device
 * is asked through every node and every node writes. `--main FILE` is `main.js` of the other version, `--name TEXT` its name in the report.
 */
const { values: options } = parseArgs({ options: { main: { type: 'string' }, name: { type: 'string' } } });
const { main: former = '', name: formerName = 'the former version' } = options;
const present = join(root, 'server/dist/main.js');
/** Only a change that never counts at the others reaches it, ms: they read every two seconds, and the report says how long it took. */
const spreadMs = 30_000;

const began = performance.now();
const report = (line: string) =>
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
const violations: string[] = [];
function violation(line: string): void {
  violations.push(line);
  report(`VIOLATION: ${line}`);
}

const cluster = await Cluster.start({ version: former, nodes: ['a'] });
const upgraded = new Set<NodeName>();
const versionOf = (node: NodeName) => (upgraded.has(node) ? 'new' : 'old');
/** The node that is away at the moment, whose requests may fail. */
let away: NodeName | null = null;
let isOver = false;
let asked = 0;
/** Requests to nodes that served, whose device was on its way to another node. */
let onTheWay = 0;
const acknowledged: string[] = [];
/** Between which versions a request has gone from a node to that of the device. */
const relayed = new Set<string>();

/** Asks one device through one node, again and again. */
async function keepAsking(node: NodeName, device: (typeof deviceNames)[number]): Promise<void> {
  for (; !isOver; await pause(100)) {
    const wasAway = away === node;
    const answer = await cluster.ask(node, device);
    asked++;
    if (answer === device) continue;
    if (/^50[23]\b/.test(answer)) onTheWay++;
    // The connection of a node that ends or starts.
    else if (!(answer.startsWith('000') && (wasAway || away === node)))
      violation(`${device} through ${node} (${versionOf(node)}): ${answer}`);
  }
}

/** Each is a domain; those that the node has acknowledged are kept in mind. */
async function keepWriting(node: NodeName): Promise<void> {
  for (let n = 0; !isOver; n++, await pause(500)) {
    const id = `${node}-${n}`;
    if ((await cluster.api(node, 'POST', '/domains', { id, name: id })) === 201) acknowledged.push(id);
  }
}

/** @throws {Error} when the condition does not hold in time */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${patience / 1000} s for ${what}`);
    await pause(200);
  }
}

const devicesOf = (node: NodeName) =>
  cluster.sql(`SELECT p.id FROM rm_server.fleet_presence AS p JOIN rm_server.fleet_nodes AS n USING (epoch)
    WHERE n.name = '${node}' AND NOT p.gone`);

/** Waits until every device answers through every node; which versions have served each other meanwhile is noted. */
async function allAnswer(): Promise<void> {
  const pairs = nodeNames.flatMap((node) => deviceNames.map((device) => [node, device] as const));
  await until('every device through every node', async () => {
    const answers = await Promise.all(pairs.map(([node, device]) => cluster.ask(node, device)));
    return answers.every((answer, at) => answer === pairs[at]?.[1]);
  });
  for (const owner of nodeNames) {
    if ((await devicesOf(owner)).length === 0) continue;
    for (const node of nodeNames)
      if (node !== owner) relayed.add(`${versionOf(node)} to ${versionOf(owner)}`);
  }
}

/** A change that was acknowledged at one node counts at another one for each request that begins later than {@link spreadMs}. */
async function counts(what: string, condition: () => Promise<boolean>): Promise<number> {
  const since = performance.now();
  for (;;) {
    const asking = performance.now() - since;
    if (await condition()) return asking;
    if (asking > spreadMs) {
      violation(`${what} does not count after ${Math.round(asking)} ms`);
      return asking;
    }
  }
}

let users = 0;
/** A user and a grant are added at one node and taken away there; the longest time until another node went by it, ms. */
async function spreads(from: NodeName): Promise<number> {
  const name = `user-${++users}`;
  const others = nodeNames.filter((node) => node !== from);
  const change = async (method: string, path: string, body?: unknown) => {
    const status = await cluster.api(from, method, path, body);
    if (status < 200 || status >= 300)
      violation(`${method} ${path} at ${from} (${versionOf(from)}): ${status}`);
  };
  const each = async (what: string, condition: (node: NodeName) => Promise<boolean>) => {
    const to = (node: NodeName) =>
      `${what} at ${from} (${versionOf(from)}): at ${node} (${versionOf(node)}) it`;
    return Math.max(...(await Promise.all(others.map((node) => counts(to(node), () => condition(node))))));
  };
  await change('POST', '/users', { name, password: secret });
  // Not by the password: wrong ones are answered later and later, at all nodes.
  const token = await cluster.logIn(from, { name, password: secret });
  const reaches = async (node: NodeName) => (await cluster.ask(node, 'device-1', token)) === 'device-1';
  const isKnown = async (node: NodeName) => !/^401/.test(await cluster.ask(node, 'device-1', token));
  const added = await each('a user added', isKnown);
  await change('POST', '/grants', { user: name, role: 'user', domain: 'acme' });
  const granted = await each('a grant added', reaches);
  const [grant = ''] = await cluster.sql(`SELECT id FROM rm_server.fleet_grants WHERE "user" = '${name}'`);
  await change('DELETE', `/grants/${grant}`);
  const revoked = await each('a grant removed', async (node) => !(await reaches(node)));
  await change('DELETE', `/users/${name}`);
  const removed = await each('a user removed', async (node) => !(await isKnown(node)));
  return Math.max(added, granted, revoked, removed);
}

/** What is promised while the nodes are as they are now. */
async function check(what: string): Promise<void> {
  const before = violations.length;
  await allAnswer();
  let longest = 0;
  for (const node of nodeNames) {
    longest = Math.max(longest, await spreads(node));
    const token = await cluster.logIn(node);
    for (const other of nodeNames) {
      const answer = await cluster.ask(other, 'device-1', token);
      if (answer !== 'device-1')
        violation(`token of ${node} (${versionOf(node)}) at ${other} (${versionOf(other)}): ${answer}`);
    }
  }
  const written = [...acknowledged];
  const kept = new Set(await cluster.sql('SELECT id FROM rm_server.fleet_domains'));
  const lost = written.filter((id) => !kept.has(id));
  if (lost.length > 0) violation(`writes that were acknowledged are lost: ${lost.join(', ')}`);
  const verdict = violations.length === before ? 'ok' : 'NOT OK';
  report(
    `${what}: ${verdict}; changes count at the others after ${Math.round(longest)} ms at most; ${written.length} writes kept; ${asked} requests, ${onTheWay} of them while a device was on its way`,
  );
}

async function upgrade(node: NodeName): Promise<void> {
  cluster.drainNode(node);
  await until(`${node} to drain`, async () => (await devicesOf(node)).length === 0);
  away = node;
  await cluster.stopNode(node);
  await cluster.startNode(node, present);
  upgraded.add(node);
  away = null;
}

try {
  // Nodes that make the tables together may wait too long for each other.
  for (const node of ['b', 'c'] as const) await cluster.startNode(node);
  const busy = [
    ...nodeNames.flatMap((node) => deviceNames.map((device) => keepAsking(node, device))),
    ...nodeNames.map(keepWriting),
  ];
  await check(`a, b and c are ${formerName}`);
  for (const node of nodeNames) {
    await upgrade(node);
    await check(`${node} is upgraded`);
  }
  for (const way of ['old to new', 'new to old'])
    if (!relayed.has(way)) violation(`no request went from ${way}`);
  isOver = true;
  await Promise.all(busy);
} catch (error) {
  violation((error as Error).message);
} finally {
  isOver = true;
  if (violations.length > 0) process.stderr.write(`${cluster.logs}\n`);
  await cluster.stop();
}
report(violations.length === 0 ? 'no violation' : `${violations.length} violations`);
process.exit(violations.length === 0 ? 0 : 1);
