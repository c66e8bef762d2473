import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { startOnDemand } from './on-demand.ts';

it('is reachable after a message, and closes by itself', async () => {
  const { reflector, brokerPort, topic, stop } = await startOnDemand(10);
  onTestFinished(stop);
  const port = String(brokerPort);
  const watcher = spawn('mosquitto_sub', ['-p', port, '-t', `${topic}/#`]);
  onTestFinished(() => void watcher.kill());
  const seen: string[] = [];
  let heard = () => {};
  createInterface(watcher.stdout).on('line', (line) => {
    seen.push(line);
    heard();
  });
  /** Waits for a line with this text, and passes over all that came before it. */
  const until = async (text: string): Promise<void> => {
    let at = -1;
    while (at < 0) {
      at = seen.findIndex((line) => line.includes(text));
      if (at < 0)
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
    }
    seen.splice(0, at + 1);
  };
  await until('"tunnel":"stopped"');

  const login = Buffer.from(`${reflector.user.name}:${reflector.user.password}`).toString('base64');
  const get = async () => {
    const headers = { host: new URL(reflector.deviceUri).host, authorization: `Basic ${login}` };
    const { request } = await import('node:http');
    const asked = request({ port: reflector.port, headers }).end();
    const [response] = await once(asked, 'response');
    response.resume();
    return response.statusCode;
  };
  expect(await get()).not.toBe(200);
  const message = JSON.stringify({ status: 'init', for: 600 });
  spawn('mosquitto_pub', ['-p', port, '-q', '1', '-t', `${topic}/cmd/tunnel/1`, '-m', message]);
  await until('"status":"successful"');
  expect(await get()).toBe(200);
  await until('"tunnel":"stopped"');
  expect(await get()).not.toBe(200);
});
