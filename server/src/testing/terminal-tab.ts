import { appendFileSync } from 'node:fs';
import type { BrowserContext, Locator } from 'playwright-core';
import { expect } from 'vitest';
import type { SshServer } from '../../../test/ssh/ssh-server.ts';
import { DeskTab } from './desk-tab.ts';
import type { TerminalStage } from './terminal-stage.ts';

/** Only something that hangs reaches it. */
const timeout = 120_000;
/** 50 MB take ten seconds, and minutes where the machine is busy with much else. */
export const floodTimeout = 600_000;

/** A terminal, as the dashboard shows it. */
export class Terminal {
  readonly tab: DeskTab;
  #asked = 0;

  private constructor(tab: DeskTab) {
    this.tab = tab;
  }

  static async open(
    stage: TerminalStage,
    context: BrowserContext,
    port: number,
    user = 'alice',
  ): Promise<Terminal> {
    const tab = await DeskTab.open(context, stage.base, `terminal/pump?port=${port}`, user);
    await tab.frame.locator('main.terminal').waitFor();
    return new Terminal(tab);
  }

  /** A terminal in which somebody works already. */
  static async running(stage: TerminalStage, context: BrowserContext, port: number): Promise<Terminal> {
    const terminal = await Terminal.open(stage, context, port);
    await terminal.trust();
    await terminal.logInByKey(stage.serverAt(port));
    return terminal;
  }

  button(name: string): Locator {
    return this.tab.button(name);
  }

  is(at: string): Promise<void> {
    return this.tab.frame.locator(`[data-stage=${at}]:not([hidden])`).waitFor();
  }

  /** What is said over the screen. */
  async says(text: string | RegExp): Promise<void> {
    await this.tab.frame.locator('.panel:not([hidden]) .over').getByText(text).waitFor();
  }

  async trust(): Promise<void> {
    await this.button('Trust and connect').click();
    await this.is('logIn');
  }

  async logIn(user: string, secret: string): Promise<void> {
    await this.tab.frame.getByLabel('User on the device').fill(user);
    await this.tab.frame.getByLabel('Password').fill(secret);
    await this.button('Log in').click();
  }

  /** Makes a key in the browser, and lets the device know it. */
  async logInByKey(server: SshServer): Promise<string> {
    await this.button('Make a key for this browser').click();
    const line = await this.tab.frame.locator('.key code').innerText();
    appendFileSync(server.authorizedKeys, `${line}\n`);
    await this.tab.frame.getByLabel('User on the device').fill(server.user);
    await this.button('Log in with the key of this browser').click();
    await this.is('running');
    return line;
  }

  async type(text: string): Promise<void> {
    await this.tab.frame.locator('.panel:not([hidden]) .xterm-helper-textarea').focus();
    await this.tab.page.keyboard.type(text);
  }

  text(): Promise<string> {
    return this.tab.frame.locator('.panel:not([hidden]) .xterm-rows').innerText();
  }

  async shows(text: string | RegExp): Promise<void> {
    await expect.poll(() => this.text(), { timeout }).toMatch(text);
  }

  /** Shows `size` (of `head -c`) of this line again and again, while the page answers. */
  async flood(line: string, size: string): Promise<void> {
    await this.type(`yes ${line} | head -c ${size}; echo; echo over-$((1+1))\r`);
    for (let turn = 0; turn < 20; turn++) await this.tab.frame.evaluate('new Promise(requestAnimationFrame)');
    await expect.poll(() => this.text(), { timeout: floodTimeout, interval: 500 }).toMatch(/over-2/);
  }

  /** What the shell of the device takes for the width of its terminal. */
  async columns(): Promise<number> {
    const mark = `width${++this.#asked}`;
    await this.type(`echo ${mark}-$(tput cols)-\r`);
    await this.shows(new RegExp(`${mark}-\\d+-`));
    return Number(new RegExp(`${mark}-(\\d+)-`).exec(await this.text())?.[1]);
  }
}
