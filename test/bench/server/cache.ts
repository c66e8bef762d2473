import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { openLoggedIn, startChromium } from '../../system/chromium.ts';
import { listening } from '../../system/listening.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import type { SlowLink } from '../../system/slow-link.ts';
import { password, type ServerSite } from './site.ts';
import { withSlowDevice } from './slow-device.ts';

/** The web interface of Transmission, which home routers and network storages have: 26 files. */
const start = '/transmission/web/';

const id = 'storage-1';

/** A page until its load event, in a browser that has nothing of it. */
export interface PageLoad {
  readonly ms: number;
  /** What the device has sent through its tunnel meanwhile. */
  readonly bytes: number;
}

export interface CacheResult {
  readonly without: readonly PageLoad[];
  /** With an empty cache. */
  readonly first: readonly PageLoad[];
  /** With what an earlier browser of the same user has left. */
  readonly second: readonly PageLoad[];
}

/** A device's page over a slow link, by a server with a cache and one without. */
export async function measureCache(rounds: number, report: (step: string) => void): Promise<CacheResult> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-bench-cache-'));
  const device = await Transmission.start(folder);
  const services = [{ port: 80, kind: 'http', targetPort: device.port }] as const;
  const browser = await startChromium();
  const result = { without: [] as PageLoad[], first: [] as PageLoad[], second: [] as PageLoad[] };
  try {
    for (let round = 1; round <= rounds; round++) {
      report(`round ${round} of ${rounds}: without a cache`);
      await withSlowDevice(id, services, {}, folder, async ({ site, link }) => {
        result.without.push(await load(browser, site, link));
      });
      report(`round ${round} of ${rounds}: with a cache, twice`);
      await withSlowDevice(id, services, { cache: { bytes: 64 << 20 } }, folder, async ({ site, link }) => {
        result.first.push(await load(browser, site, link));
        result.second.push(await load(browser, site, link));
      });
    }
    return result;
  } finally {
    await browser.close();
    await device.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function load(browser: Browser, site: ServerSite, link: SlowLink): Promise<PageLoad> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    page.setDefaultNavigationTimeout(300_000);
    const host = `http://${id}.localhost:${site.port}`;
    // A small answer of the device, so that the log-in is over.
    await openLoggedIn(page, `${host}${start}images/favicon.png`, { user: 'everything', password });
    const { up } = link.bytes;
    const begun = performance.now();
    await page.goto(host + start, { waitUntil: 'load' });
    const ms = performance.now() - begun;
    return { ms, bytes: link.bytes.up - up };
  } finally {
    await context.close();
  }
}

/** Debian's Transmission with files of its own; it downloads nothing. */
class Transmission {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, process: ChildProcess) {
    this.port = port;
    this.#process = process;
  }

  static async start(folder: string): Promise<Transmission> {
    const port = await reservedPort();
    const settings = {
      ...{ 'rpc-port': port, 'rpc-bind-address': '127.0.0.1', 'rpc-host-whitelist-enabled': false },
      ...{ 'bind-address-ipv4': '127.0.0.1', 'peer-port': await reservedPort(), 'download-dir': folder },
      ...{ 'dht-enabled': false, 'lpd-enabled': false, 'pex-enabled': false, 'utp-enabled': false },
      ...{ 'port-forwarding-enabled': false, 'rpc-authentication-required': false },
    };
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
    const args = ['--foreground', '--config-dir', folder];
    const process = spawn('/usr/bin/transmission-daemon', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, process, () => log);
    return new Transmission(port, process);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}
