import type { Browser, BrowserContext } from 'playwright-core';
import { neutral } from './answer.ts';
import type { Asks } from './device.ts';
import type { Way } from './way.ts';

type State = Awaited<ReturnType<BrowserContext['storageState']>>;

/** What Chromium makes of the page of a device, in lines that do not depend on the way. */
export async function seenInChromium(
  browser: Browser,
  state: State,
  way: Way,
  asks: Asks,
): Promise<string[]> {
  const { auth, form, image, upload, webSocket } = asks;
  const context = await browser.newContext({
    storageState: state,
    ignoreHTTPSErrors: true,
    ...(auth === undefined ? {} : { httpCredentials: { username: auth.user, password: auth.password } }),
  });
  try {
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    const same = (text: string) => neutral(text, way, asks.volatile);
    page.on('response', (response) => {
      if (!response.url().startsWith(`${way.origin}/`) || response.url().includes('/.rm-reflector/')) return;
      // On its way to the log-in.
      if (response.status() === 303 && (response.headers().location ?? '').includes('/open')) return;
      requests.push(same(`${response.request().method()} ${response.url()} ${response.status()}`));
    });
    page.on('requestfailed', (request) =>
      complaints.push(same(`failed: ${request.method()} ${request.url()}`)),
    );
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(same(`console: ${message.text()}`));
    });
    page.on('pageerror', (error) => complaints.push(same(`error: ${error.message}`)));
    await page.goto(`${way.origin}${asks.page}`, { waitUntil: 'load', timeout: 240_000 });
    const title = same(await page.title());
    const wanted = {
      image,
      form,
      logIn: auth?.path,
      upload: upload && { ...upload, path: upload.path.replaceAll('{way}', `-${way.way}-`) },
      webSocket,
    };
    const asked = (await page.evaluate(askFromPage, wanted)).map(same);
    return [`title ${title}`, ...requests.sort(), ...complaints.sort(), ...asked];
  } finally {
    await context.close();
  }
}

interface Wanted extends Record<'image' | 'logIn', string | undefined> {
  readonly form: Asks['form'] | undefined;
  readonly upload: Asks['upload'] | undefined;
  readonly webSocket: Asks['webSocket'] | undefined;
}

/** What a script of the page gets. Runs in the browser, which knows nothing of this file. */
async function askFromPage({ image, form, logIn, upload, webSocket }: Wanted): Promise<string[]> {
  const lines: string[] = [];
  const note = async (what: string, asked: Promise<Response>) => {
    const found = await asked.then(
      async (response) => {
        const { byteLength } = await response.arrayBuffer();
        return `${response.status}, ${byteLength > 0 ? 'content' : 'nothing'}`;
      },
      (error) => String(error),
    );
    lines.push(`${what}: ${found}`);
  };
  for (let i = 0; i < 2; i++) {
    if (image) await note('image', fetch(image, { cache: 'no-store' }));
    if (form) {
      await note('form', fetch(form.path, { method: 'POST', body: new URLSearchParams(form.body) }));
    }
  }
  if (upload) {
    const body = new Uint8Array(1 << 20);
    await note('upload', fetch(upload.path, { method: upload.method, body }));
  }
  if (logIn) for (let i = 0; i < 2; i++) await note('log-in', fetch(logIn));
  if (webSocket) {
    const url = new URL(webSocket.path, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, webSocket.protocol ? [webSocket.protocol] : []);
    socket.binaryType = 'arraybuffer';
    const [first = ''] = webSocket.send;
    socket.onopen = () =>
      socket.send(webSocket.protocol === 'binary' ? new TextEncoder().encode(first) : first);
    const heard = await new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) =>
        resolve(typeof data === 'string' ? data : new TextDecoder().decode(data));
      socket.onclose = ({ code }) => resolve(`closed with ${code}`);
    });
    lines.push(`WebSocket: ${heard}`);
    socket.onclose = null;
    socket.close();
  }
  return lines;
}
