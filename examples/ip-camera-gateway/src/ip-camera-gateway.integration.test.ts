import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { getFromDevice } from 'local-reflector/get-from-device';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Camera, startCamera } from './camera.ts';
import { type Gateway, startGateway } from './gateway.ts';

const rmClient = join(import.meta.dirname, '../../../client/dist/main.js');

let reflector: LocalReflector;
let camera: Camera;
let gateway: Gateway;
let home: string;

beforeEach(async () => {
  reflector = await startLocalReflector('gate-camera');
  camera = await startCamera();
  gateway = startGateway(reflector, camera);
  await gateway.connected();
  home = mkdtempSync(join(tmpdir(), 'rm-client-'));
});

afterEach(async () => {
  await gateway.stop();
  camera.close();
  await reflector.close();
  rmSync(home, { recursive: true, force: true });
});

describe('a camera behind a gateway', () => {
  it('shows its page', async () => {
    expect(await getFromDevice(reflector, '/')).toMatchObject({
      status: 200,
      text: expect.stringContaining('/video.mjpg'),
    });
  });

  it('streams pictures', async () => {
    const { port, user, deviceUri } = reflector;
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/video.mjpg',
      auth: `${user.name}:${user.password}`,
      headers: { Host: new URL(deviceUri).host },
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toBe('multipart/x-mixed-replace; boundary=frame');
    let text = '';
    for await (const piece of response.setEncoding('utf8')) {
      text += piece;
      // The second picture has come, so it is a stream.
      if (text.split('--frame').length > 3) break;
    }
    expect(text).toMatch(/image\/svg\+xml/);
  });

  it('answers RTSP by rm-client forward', async () => {
    const env = {
      ...process.env,
      XDG_CONFIG_HOME: home,
      RM_REFLECTOR: `http://localhost:${reflector.port}`,
      RM_USER: reflector.user.name,
      RM_PASSWORD: reflector.user.password,
    };
    const child = spawn(process.execPath, [rmClient, 'forward', 'gate-camera', '-R', '554', '-L', '0'], {
      env,
    });
    try {
      let output = '';
      const port = await new Promise<number>((resolve, reject) => {
        const look = (piece: Buffer) => {
          output += piece;
          const [, found] = /127\.0\.0\.1:(\d+)/.exec(output) ?? [];
          if (found !== undefined) resolve(Number(found));
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        child.once('exit', (status) => reject(new Error(`rm-client ended with ${status}: ${output}`)));
      });
      const socket = connect(port, '127.0.0.1');
      socket.write('OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: 7\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^RTSP\/1\.0 200 OK\r\nCSeq: 7\r\nPublic: OPTIONS/);
      socket.destroy();
    } finally {
      child.kill('SIGTERM');
    }
  });
});
