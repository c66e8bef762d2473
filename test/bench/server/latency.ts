import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { startOpenSsh } from '../../ssh/openssh.ts';
import type { SshServer } from '../../ssh/ssh-server.ts';
import { openLoggedIn, startChromium } from '../../system/chromium.ts';
import { SlowLink } from '../../system/slow-link.ts';
import { VncServer } from '../../system/vnc-server.ts';
import { password, type ServerSite } from './site.ts';
import { edge, withSlowDevice } from './slow-device.ts';

const id = 'pump-7';

/** Of the device, in pixels: a button that changes when the pointer comes to it and leaves it, and a place beside it. */
const screen = { width: 320 } as const;
const button = { x: 37, y: 183 } as const;
const beside = { x: 250, y: 180 } as const;

/** In ms, one for each key or movement. */
export interface Latencies {
  /** 64 bytes over the link and back, with nothing else. */
  readonly link: number[];
  /** A key until its character comes from `ssh`, over the same link without a server. */
  readonly ssh: number[];
  /** A key until its character is in the terminal of the dashboard. */
  readonly typing: number[];
  /** A movement of the pointer until the desktop of the dashboard shows what it has changed. */
  readonly pointer: number[];
}

/** Something that answers once. */
type Trip = () => Promise<number>;

/** Terminal and desktop of a device behind a slow link, beside plain `ssh` and bare round trips over links of the same speed, in turn. */
export async function measureLatency(
  rounds: number,
  trips: number,
  report: (step: string) => void,
): Promise<Latencies> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-bench-latency-'));
  const ssh = await startOpenSsh(id);
  const vnc = await VncServer.start(id);
  const dialog = spawn(
    'xmessage',
    ['-display', vnc.display, '-geometry', '320x200+0+0', '-buttons', 'Restart', 'Pump 7'],
    {
      stdio: 'ignore',
    },
  );
  // Frames are shown when they are ready: the refresh of a screen is not part of the figures.
  const browser = await startChromium(['--disable-frame-rate-limit', '--disable-gpu-vsync']);
  const result: Latencies = { link: [], ssh: [], typing: [], pointer: [] };
  const services = [
    { port: 22, kind: 'ssh', targetPort: ssh.port },
    { port: 5900, kind: 'vnc', targetPort: vnc.port },
  ] as const;
  try {
    await withSlowDevice(id, services, {}, folder, async ({ site }) => {
      const echo = await Echo.start();
      const plain = await PlainSsh.start(ssh);
      try {
        report('opening a terminal');
        const typing = await openTerminal(browser, site, ssh);
        report('opening a desktop');
        const pointer = await openDesktop(browser, site);
        const subjects: readonly (readonly [keyof Latencies, Trip])[] = [
          ['link', () => echo.trip()],
          ['ssh', () => plain.trip()],
          ['typing', typing],
          ['pointer', pointer],
        ];
        // The first round is to warm up.
        for (let round = 0; round <= rounds; round++) {
          report(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
          for (let n = 0; n < trips; n++) {
            for (const [name, trip] of subjects) {
              const ms = await trip();
              if (round > 0) result[name].push(ms);
            }
          }
        }
      } finally {
        plain.close();
        echo.close();
      }
    });
    return result;
  } finally {
    await browser.close();
    dialog.kill();
    await vnc.stop();
    await ssh.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A link of this speed whose far end is the device: it takes connections and makes none. */
const linkTo = (port: number) => SlowLink.open(port, { up: edge.down, down: edge.up, delay: edge.delay });

/** What comes back as it is. */
class Echo {
  readonly #server: Server;
  readonly #link: SlowLink;
  readonly #socket: Socket;

  private constructor(server: Server, link: SlowLink, socket: Socket) {
    this.#server = server;
    this.#link = link;
    this.#socket = socket;
  }

  static async start(): Promise<Echo> {
    const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => {}).pipe(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const link = await linkTo((server.address() as AddressInfo).port);
    const socket = tcp({ port: link.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Echo(server, link, socket);
  }

  async trip(): Promise<number> {
    const begun = performance.now();
    this.#socket.write(Buffer.alloc(64));
    for (let bytes = 0; bytes < 64; ) {
      const [piece] = (await once(this.#socket, 'data')) as [Buffer];
      bytes += piece.length;
    }
    return performance.now() - begun;
  }

  close(): void {
    this.#socket.destroy();
    this.#link.close();
    this.#server.close();
  }
}

/** OpenSSH's client, with a terminal on the device that shows what is typed. */
class PlainSsh {
  readonly #link: SlowLink;
  readonly #process: ChildProcess;

  private constructor(link: SlowLink, process: ChildProcess) {
    this.#link = link;
    this.#process = process;
  }

  static async start({ port, user, clientOptions }: SshServer): Promise<PlainSsh> {
    const link = await linkTo(port);
    const args = [
      '-tt',
      ...clientOptions,
      '-p',
      String(link.port),
      `${user}@127.0.0.1`,
      `${readAll}; echo over`,
    ];
    const process = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const ssh = new PlainSsh(link, process);
    await ssh.#shows('ready');
    return ssh;
  }

  async trip(): Promise<number> {
    const begun = performance.now();
    this.#process.stdin?.write('x');
    await this.#shows('x');
    return performance.now() - begun;
  }

  async #shows(text: string): Promise<void> {
    const { stdout } = this.#process;
    for (let said = ''; !said.includes(text); ) {
      const [piece] = (await once(stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      said += piece.toString();
    }
  }

  close(): void {
    this.#process.kill();
    this.#link.close();
  }
}

/** The terminal of the device shows what is typed, and nobody answers it. */
const readAll = `echo rea''dy; exec cat > /dev/null`;

async function openTerminal(
  browser: Browser,
  site: ServerSite,
  { authorizedKeys, user }: SshServer,
): Promise<Trip> {
  const { page, frame } = await openDesk(browser, site, 'terminal', 22);
  const button = (name: string) => frame.getByRole('button', { name, exact: true });
  await button('Trust and connect').click();
  await button('Make a key for this browser').click();
  appendFileSync(authorizedKeys, `${await frame.locator('.key code').innerText()}\n`);
  await frame.getByLabel('User on the device').fill(user);
  await button('Log in with the key of this browser').click();
  await frame.locator('[data-stage=running]:not([hidden])').waitFor();
  // What is typed before the shell reads may be lost.
  await frame.locator('.xterm-rows', { hasText: /[#$]/ }).waitFor();
  await frame.locator('.xterm-helper-textarea').focus();
  await page.keyboard.type(`clear; ${readAll}\n`);
  await frame.locator('.xterm-rows', { hasText: 'ready' }).waitFor();
  await frame.evaluate(`${answers}
    const rows = document.querySelector('.xterm-rows');
    const count = () => rows.textContent.split('x').length;
    let before = count();
    addEventListener('keydown', ({ timeStamp }) => begin(timeStamp), true);
    new MutationObserver(() => {
      if (count() > before) {
        before = count();
        answered();
      }
    }).observe(rows, { subtree: true, childList: true, characterData: true });`);
  return async () => {
    await page.keyboard.press('x');
    return (await frame.evaluate('nextAnswer()')) as number;
  };
}

async function openDesktop(browser: Browser, site: ServerSite): Promise<Trip> {
  const { page, frame } = await openDesk(browser, site, 'desktop', 5900);
  await frame.locator(`canvas[width="${screen.width}"]`).waitFor();
  await frame.evaluate(`${answers}
    const canvas = document.querySelector('canvas').getContext('2d');
    const draw = canvas.drawImage.bind(canvas);
    canvas.drawImage = (...what) => {
      draw(...what);
      answered();
    };
    addEventListener('mousemove', ({ timeStamp }) => begin(timeStamp), true);
    // The first picture is there when the dialog can be seen.
    new Promise((resolve) => {
      const look = () => {
        const [red] = canvas.getImageData(${beside.x}, ${beside.y}, 1, 1).data;
        if (red > 0) resolve();
        else requestAnimationFrame(look);
      };
      look();
    });`);
  const box = await frame.locator('canvas').boundingBox();
  if (!box) throw new Error('no desktop');
  let isOn = false;
  return async () => {
    isOn = !isOn;
    const { x, y } = isOn ? button : beside;
    const scale = box.width / screen.width;
    await page.mouse.move(box.x + x * scale, box.y + y * scale);
    return (await frame.evaluate('nextAnswer()')) as number;
  };
}

async function openDesk(
  browser: Browser,
  site: ServerSite,
  kind: 'terminal' | 'desktop',
  port: number,
): Promise<{ readonly page: Page; readonly frame: Frame }> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  const url = `http://localhost:${site.port}/dashboard/${kind}/${id}?port=${port}`;
  await openLoggedIn(page, url, { user: 'everything', password });
  const frame = await (await page.locator('iframe.desk').elementHandle())?.contentFrame();
  if (!frame) throw new Error(`no ${kind}`);
  return { page, frame };
}

/** Runs in a page: the time from what begins something until it is answered. */
const answers = `
  let begun = null;
  const times = [];
  let taken = 0;
  let wait = () => {};
  const begin = (time) => { begun = time; };
  const answered = () => {
    if (begun === null) return;
    times.push(performance.now() - begun);
    begun = null;
    wait();
  };
  globalThis.nextAnswer = () => new Promise((resolve) => {
    const look = () => {
      if (times.length > taken) resolve(times[taken++]);
    };
    wait = look;
    look();
  });
`;
