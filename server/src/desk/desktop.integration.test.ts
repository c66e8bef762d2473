import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  CDPSession,
  Frame,
  Page,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import {
  copyOn,
  fillScreen,
  KeyRecorder,
  pastedOn,
  showOperatorPanel,
} from '../../../test/system/x-clients.ts';
import { DeskTab } from '../testing/desk-tab.ts';
import { DesktopStage, ports, vncPassword } from '../testing/desktop-stage.ts';
import { SeveredLink } from '../testing/severed-link.ts';

/** Desktops in Chromium: TigerVNC and x11vnc behind real agents. */

/** Only something that hangs reaches it. */
const timeout = 120_000;

let stage: DesktopStage;
let browser: Browser;
beforeAll(async () => {
  stage = await DesktopStage.start();
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});

/** A desktop, as the dashboard shows it. */
class Desktop {
  readonly #tab: DeskTab;

  constructor(tab: DeskTab) {
    this.#tab = tab;
  }

  static async open(
    context: BrowserContext,
    port: number,
    device = 'panel',
    user = 'alice',
    by?: number,
  ): Promise<Desktop> {
    // Chromium's hints about speed concern noVNC.
    const path = `desktop/${device}?port=${port}`;
    const base = by === undefined ? stage.base : `http://localhost:${by}`;
    const tab = await DeskTab.open(context, base, path, user, ['Canvas2D:']);
    await tab.frame.locator('.stage').waitFor();
    return new Desktop(tab);
  }

  get page(): Page {
    return this.#tab.page;
  }

  get frame(): Frame {
    return this.#tab.frame;
  }

  get complaints(): readonly string[] {
    return this.#tab.complaints;
  }

  button(name: string) {
    return this.#tab.button(name);
  }

  findings(): Promise<string[]> {
    return this.#tab.findings();
  }

  picture(name: string): Promise<void> {
    return this.#tab.picture(name);
  }

  async isShown(): Promise<void> {
    await this.frame.locator('.screen:not([hidden]) canvas').waitFor();
    await this.frame.waitForFunction('document.querySelector("canvas").width > 0');
  }

  /** Of the desktop of the device, in its own pixels. */
  width(): Promise<number> {
    return this.frame.evaluate('document.querySelector("canvas").width');
  }

  /** What is said in the place of the picture. */
  async says(text: string): Promise<void> {
    await this.frame.locator('.notice h2', { hasText: text }).waitFor();
  }

  /** The part of the picture that has this colour, or nearly. */
  share([red, green, blue]: readonly [number, number, number]): Promise<number> {
    return this.frame.evaluate(`(() => {
      const canvas = document.querySelector('canvas');
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      let same = 0;
      for (let at = 0; at < data.length; at += 4) {
        const off = [${red}, ${green}, ${blue}].map((one, i) => Math.abs(data[at + i] - one));
        if (Math.max(...off) <= 4) same += 1;
      }
      return same / (width * height);
    })()`);
  }

  /** Gives the picture the keyboard and the pointer. */
  async enter(): Promise<void> {
    await this.frame.locator('canvas').click();
  }

  /** A key as the browser reports it from a keyboard with this layout. */
  async press(keys: CDPSession, [code, key, modifier]: Key): Promise<void> {
    const held = modifier === undefined ? undefined : modifiers[modifier];
    if (held) await keys.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...held });
    await keys.send('Input.dispatchKeyEvent', { type: 'keyDown', code, key, text: key });
    await keys.send('Input.dispatchKeyEvent', { type: 'keyUp', code, key });
    if (held) await keys.send('Input.dispatchKeyEvent', { type: 'keyUp', ...held });
  }
}

const modifiers = {
  shift: { code: 'ShiftLeft', key: 'Shift' },
  altGr: { code: 'AltRight', key: 'AltGraph' },
} as const;
/** Its place, what is printed on it, and what is held down with it. */
type Key = readonly [code: string, key: string, modifier?: keyof typeof modifiers];

/** A VNC server finds room for about twenty characters that its own layout lacks: not more than these in all. */
const layouts: readonly (readonly [string, readonly Key[]])[] = [
  [
    'US',
    [
      ['KeyA', 'a'],
      ['Digit2', '@', 'shift'],
      ['Backslash', '|', 'shift'],
    ],
  ],
  [
    'British',
    [
      ['Digit3', '£', 'shift'],
      ['Backslash', '#'],
    ],
  ],
  [
    'German',
    [
      ['KeyY', 'z'],
      ['Quote', 'ä'],
      ['Minus', 'ß'],
      ['KeyQ', '@', 'altGr'],
    ],
  ],
  [
    'French',
    [
      ['KeyQ', 'a'],
      ['Digit2', 'é'],
      ['Digit0', '@', 'altGr'],
    ],
  ],
  [
    'Spanish',
    [
      ['Semicolon', 'ñ'],
      ['Digit2', '@', 'altGr'],
    ],
  ],
  [
    'Italian',
    [
      ['Semicolon', 'ò'],
      ['Backquote', '\\'],
    ],
  ],
  [
    'Swedish',
    [
      ['BracketLeft', 'å'],
      ['KeyA', 'A', 'shift'],
    ],
  ],
  [
    'Danish',
    [
      ['Semicolon', 'æ'],
      ['Minus', '+'],
    ],
  ],
  [
    'Polish',
    [
      ['KeyL', 'ł', 'altGr'],
      ['KeyL', 'l'],
    ],
  ],
  [
    'Czech',
    [
      ['Digit2', 'ě'],
      ['Digit2', '2', 'shift'],
    ],
  ],
  [
    'Turkish',
    [
      ['BracketLeft', 'ğ'],
      ['Quote', 'i'],
    ],
  ],
  [
    'Russian',
    [
      ['KeyQ', 'й'],
      ['KeyQ', 'й'],
    ],
  ],
  [
    'Greek',
    [
      ['KeyA', 'α'],
      ['KeyA', 'α'],
    ],
  ],
];

/** Keysyms from before Unicode that stand for the characters above (X11, keysymdef.h). */
const legacy = new Map<number, string>([
  ...([
    [0x1b3, 'ł'],
    [0x1ec, 'ě'],
    [0x2bb, 'ğ'],
    [0x6ca, 'й'],
    [0x7e1, 'α'],
  ] as const),
]);
const characterOf = (keysym: number): string =>
  legacy.get(keysym) ?? String.fromCodePoint(keysym > 0x0100_0000 ? keysym - 0x0100_0000 : keysym);

let context: BrowserContext;
const opened = async (port: number, device?: string, user?: string, look: BrowserContextOptions = {}) => {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 700 }, ...look });
  return Desktop.open(context, port, device, user);
};
afterEach(() => context?.close());

const servers = [
  ['TigerVNC', ports.tiger, () => stage.tiger.display],
  ['x11vnc', ports.x11vnc, () => stage.x11vnc.display],
] as const;

describe.each(servers)('%s', (_, port, display) => {
  test('its picture arrives, and what becomes of it', async () => {
    const desktop = await opened(port);
    await desktop.isShown();
    for (const [colour, parts] of [
      ['#c02040', [0xc0, 0x20, 0x40]],
      ['#2060c0', [0x20, 0x60, 0xc0]],
    ] as const) {
      const window = fillScreen(display(), colour);
      await expect.poll(() => desktop.share(parts), { timeout }).toBeGreaterThan(0.7);
      window.kill('SIGTERM');
    }
    expect(desktop.complaints).toEqual([]);
  });

  describe('what is typed arrives, from a keyboard that is', () => {
    let recorder: KeyRecorder;
    let desktop: Desktop;
    let own: BrowserContext;
    beforeAll(async () => {
      recorder = new KeyRecorder(display());
      own = await browser.newContext({ viewport: { width: 1000, height: 700 } });
      desktop = await Desktop.open(own, port);
      await desktop.isShown();
      await desktop.enter();
      // Until the window is there, and the pointer in it.
      while (recorder.pressed.length === 0) {
        await desktop.page.keyboard.press('x');
        await desktop.page.waitForTimeout(200);
      }
      // Keys come in their order: behind this one, nothing of that is under way.
      await desktop.page.keyboard.press('y');
      await vi.waitUntil(() => recorder.pressed.at(-1) === 'y'.charCodeAt(0), { timeout });
    });
    afterAll(async () => {
      await own?.close();
      await recorder?.stop();
    });

    test.each(layouts)('%s', async (_, keys) => {
      recorder.forget();
      const session = await own.newCDPSession(desktop.page);
      for (const key of keys) await desktop.press(session, key);
      const expected = keys.map(([, key]) => key);
      await expect.poll(() => recorder.pressed.map(characterOf), { timeout }).toEqual(expected);
    });

    test('of a phone, or an input method', async () => {
      await desktop.button('Type text').click();
      const field = desktop.frame.getByRole('textbox');
      recorder.forget();
      await field.pressSequentially('Gräz');
      await field.press('Backspace');
      await desktop.page.keyboard.insertText('ß');
      await expect
        .poll(() => recorder.pressed.map(characterOf), { timeout })
        .toEqual(['G', 'r', 'ä', 'z', characterOf(0xff08), 'ß']);
      await desktop.button('Hide').click();
    });

    test('of a user who only looks: nothing', async () => {
      await desktop.button('View only').click();
      await desktop.enter();
      recorder.forget();
      await desktop.page.keyboard.press('v');
      expect(await desktop.button('Ctrl+Alt+Del').isDisabled()).toBe(true);
      await desktop.button('View only').click();
      await desktop.enter();
      await desktop.page.keyboard.press('t');
      await expect.poll(() => recorder.pressed.map(characterOf), { timeout }).toEqual(['t']);
    });

    test('keys that the browser keeps to itself have buttons, and one leads out', async () => {
      recorder.forget();
      await desktop.button('Ctrl+Alt+Del').click();
      await expect.poll(() => recorder.pressed, { timeout }).toContain(0xffff);
      await desktop.page.keyboard.press('Control+Alt+Escape');
      await expect
        .poll(() => desktop.frame.evaluate('document.activeElement?.tagName'), { timeout })
        .toBe('SELECT');
      expect(desktop.complaints).toEqual([]);
    });
  });

  test('what is copied on it arrives where the configuration says so', async () => {
    const desktop = await opened(port);
    await desktop.isShown();
    await desktop.button('Clipboard').click();
    await copyOn(display(), 'pressure 17 bar');
    const copied = desktop.frame.getByLabel('Copied on the device');
    await expect.poll(() => copied.inputValue(), { timeout }).toBe('pressure 17 bar');
    expect(desktop.complaints).toEqual([]);
  });

  test('nothing is copied where the configuration says nothing', async () => {
    await copyOn(display(), 'a secret of the device');
    const desktop = await opened(port, 'closed');
    await desktop.isShown();
    await desktop.button('Clipboard').click();
    await desktop.frame.getByText('The clipboard is off for this device').waitFor();
    await copyOn(display(), 'another secret');
    await desktop.enter();
    expect(await desktop.frame.locator('textarea').count()).toBe(0);
    expect(await desktop.frame.evaluate('document.body.innerHTML')).not.toContain('secret');
  });
});

describe('text for the device can be pasted there', () => {
  const copy = async (desktop: Desktop, text: string) => {
    await desktop.frame.getByLabel('Text for the device').fill(text);
    await desktop.button('Copy to the device').click();
  };

  test('TigerVNC: whatever the letters', async () => {
    const desktop = await opened(ports.tiger);
    await desktop.isShown();
    await desktop.button('Clipboard').click();
    await copy(desktop, 'set point 42 °C, 5 €');
    await expect.poll(() => pastedOn(stage.tiger.display), { timeout }).toBe('set point 42 °C, 5 €');
  });

  test('x11vnc: letters of Latin-1, and others are named', async () => {
    const display = stage.x11vnc.display;
    const desktop = await opened(ports.x11vnc);
    await desktop.isShown();
    await desktop.button('Clipboard').click();
    await copy(desktop, '42 °C, 5 €');
    await desktop.frame.getByText('(Latin-1), without €').waitFor();
    await desktop.button('Hide').click();
    // x11vnc keeps no text before one of its timers has run.
    const paste = async () => {
      await desktop.button('Clipboard').click();
      await copy(desktop, 'set point 42 °C');
      return pastedOn(display, 'STRING');
    };
    await expect.poll(paste, { timeout, interval: 1_000 }).toBe('set point 42 °C');
    expect(desktop.complaints).toEqual([]);
  });
});

describe('what ends it is said', () => {
  test('a wrong password; the right one is kept nowhere', async () => {
    const desktop = await opened(ports.password);
    const answer = async (text: string) => {
      await desktop.frame.getByLabel('Password').fill(text);
      await desktop.button('Log in').click();
    };
    await answer('wrong');
    await desktop.says('does not accept this password');
    await desktop.button('Connect again').click();
    await answer(vncPassword);
    await desktop.isShown();
    expect(await desktop.frame.locator('input').count()).toBe(0);
    // Browsers give a page of another origin in a frame no storage, or one of its own.
    const kept = await desktop.frame.evaluate(
      '(() => { try { return JSON.stringify([localStorage, sessionStorage, document.cookie]); } catch { return "none"; } })()',
    );
    expect(kept).not.toContain(vncPassword);
  });

  test('nothing listens, and what listens is no VNC server', async () => {
    const nothing = await opened(ports.nothing);
    await nothing.says('Nothing answers on port 5903 of the device');
    await context.close();
    const ssh = await opened(ports.ssh);
    await ssh.says('What answers on port 22 is no VNC server');
  });

  test('the device goes away in the middle, and comes back', async () => {
    const desktop = await opened(ports.tiger);
    await desktop.isShown();
    await stage.agents.cut('panel');
    await desktop.says('The connection to the device was lost');
    await desktop.button('Connect again').click();
    await desktop.says('off line');
    await stage.agents.restart('panel');
    await desktop.button('Connect again').click();
    await desktop.isShown();
    await desktop.button('Close').click();
    await desktop.says('You have closed the desktop');
  });

  test('the link is dead, and nobody says so', async () => {
    const link = await SeveredLink.to(stage.server.reflector.port);
    try {
      context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 700 } });
      await context.clock.install();
      const desktop = await Desktop.open(context, ports.tiger, 'panel', 'alice', link.port);
      await desktop.isShown();
      expect(link.sever('/tcp')).toBe(true);
      await desktop.page.clock.runFor(60_000);
      await desktop.says('The connection was lost');
    } finally {
      link.close();
    }
  });

  test('the user logs out in another tab', async () => {
    const desktop = await opened(ports.tiger);
    await desktop.isShown();
    const other = await context.newPage();
    await other.goto(`${stage.base}/dashboard/account`);
    await other.getByRole('main').getByRole('button', { name: 'Log out' }).click();
    await other.waitForURL(/log-in/);
    await desktop.page.getByText('You are logged out').waitFor();
    expect(await desktop.page.locator('iframe').count()).toBe(0);
  });

  test('the user may not open this port', async () => {
    const grant = { user: 'bob', role: 'user', device: 'closed', ports: [ports.x11vnc] };
    expect((await stage.alice.post('/grants', grant)).status).toBe(201);
    const shut = await opened(ports.tiger, 'closed', 'bob');
    await shut.says('You may not open this port');
    await context.close();
    const open = await opened(ports.x11vnc, 'closed', 'bob');
    await open.isShown();
  });
});

describe('its page', () => {
  const ground = [0x2c, 0x5a, 0x72] as const;
  let window: ChildProcess;
  beforeAll(() => {
    window = showOperatorPanel(stage.locked.display, '#2c5a72');
  });
  afterAll(() => window?.kill('SIGTERM'));

  test.each<[string, BrowserContextOptions]>([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['German, on a small screen', { locale: 'de-DE', viewport: { width: 360, height: 740 } }],
  ])('%s: nothing that axe finds, nothing that the policy stops', async (name, look) => {
    const desktop = await opened(ports.password, 'panel', 'alice', look);
    await desktop.frame.locator('input[type=password]').fill(vncPassword);
    await desktop.picture(`desktop-password.${name}`);
    expect(await desktop.findings()).toEqual([]);
    await desktop.frame.locator('form .main').click();
    await desktop.isShown();
    await expect.poll(() => desktop.share(ground), { timeout }).toBeGreaterThan(0.5);
    await desktop.picture(`desktop.${name}`);
    const panels = desktop.frame.locator('.tools [aria-expanded]');
    expect(await panels.count()).toBe(2);
    for (let i = 0; i < 2; i++) {
      await panels.nth(i).click();
      await desktop.picture(`desktop-panel-${i + 1}.${name}`);
      expect(await desktop.findings()).toEqual([]);
    }
    const wide = await desktop.frame.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
    expect(desktop.complaints).toEqual([]);
  });

  test('a finger on a touch screen presses what it touches', async () => {
    const desktop = await opened(ports.x11vnc, 'panel', 'alice', { hasTouch: true });
    await desktop.isShown();
    const panel = showOperatorPanel(stage.x11vnc.display, '#2c5a72');
    const ended = once(panel, 'exit');
    await expect.poll(() => desktop.share(ground), { timeout }).toBeGreaterThan(0.5);
    // With a touch screen, noVNC draws the pointer on another one.
    const box = await desktop.frame.locator('canvas').first().boundingBox();
    if (!box) throw new Error('no desktop');
    // The second button of the panel, in pixels of the device.
    const scale = box.width / 320;
    await desktop.page.touchscreen.tap(box.x + 78 * scale, box.y + 183 * scale);
    expect(await ended).toEqual([102, null]);
  });

  test('fills the screen, and leaves it again', async () => {
    const desktop = await opened(ports.tiger);
    await desktop.isShown();
    const isFull = () => desktop.frame.evaluate<boolean>('document.fullscreenElement !== null');
    await desktop.button('Full screen').click();
    await expect.poll(isFull, { timeout }).toBe(true);
    await desktop.button('Full screen').click();
    await expect.poll(isFull, { timeout }).toBe(false);
  });

  test('shows the picture in its own size, and lets the desktop take that of the window', async () => {
    const desktop = await opened(ports.tiger);
    await desktop.isShown();
    const shown = () => desktop.frame.evaluate<number>('document.querySelector("canvas").clientWidth');
    const before = await desktop.width();
    const size = desktop.frame.getByLabel('Size of the picture');
    await size.selectOption('real');
    await expect.poll(shown, { timeout }).toBe(before);
    await size.selectOption('fit');
    await expect.poll(shown, { timeout }).toBeGreaterThan(before + 100);
    await size.selectOption('resize');
    await expect.poll(() => desktop.width(), { timeout }).toBeGreaterThan(900);
    expect(desktop.complaints).toEqual([]);
  });
});
