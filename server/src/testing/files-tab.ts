import type { BrowserContext, Locator } from 'playwright-core';
import { expect } from 'vitest';
import type { TerminalStage } from './terminal-stage.ts';
import { Terminal } from './terminal-tab.ts';

/** Only something that hangs reaches it. */
const timeout = 120_000;

/** The files panel of a terminal in which somebody works. */
export class Files {
  readonly terminal: Terminal;
  readonly panel: Locator;

  private constructor(terminal: Terminal) {
    this.terminal = terminal;
    this.panel = terminal.tab.frame.locator('.panel:not([hidden]) .files');
  }

  static async open(stage: TerminalStage, context: BrowserContext, port: number): Promise<Files> {
    await stage.forgetKey(port);
    const terminal = await Terminal.running(stage, context, port);
    const files = new Files(terminal);
    await terminal.button('Files').click();
    await files.panel.getByLabel('Folder on the device').waitFor();
    return files;
  }

  async go(path: string): Promise<void> {
    const field = this.panel.getByLabel('Folder on the device');
    await field.fill(path);
    await field.press('Enter');
    await expect.poll(() => field.inputValue(), { timeout }).toBe(path);
    await this.panel.getByRole('region', { name: `Files in ${path}` }).waitFor();
  }

  button(name: string): Locator {
    return this.panel.getByRole('button', { name, exact: true });
  }

  async upload(files: string | readonly string[]): Promise<void> {
    await this.panel.locator('input[type=file]').setInputFiles(files as string | string[]);
  }

  /** `within`: milliseconds. */
  async says(text: string | RegExp, within = timeout): Promise<void> {
    await this.panel.getByText(text).first().waitFor({ timeout: within });
  }

  /** What the keyboard is on, as screen readers call it. */
  focused(): Promise<string | null> {
    return this.terminal.tab.frame.evaluate(
      'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent',
    );
  }

  names(): Promise<string[]> {
    return this.panel.locator('tbody bdi').allInnerTexts();
  }
}

/** Chromium's window to choose a file cannot be used here: the file that it would give is one of the page's own. */
export const chooser = `window.chosen = [];
window.showSaveFilePicker = async ({ suggestedName }) => {
  if (!navigator.userActivation.isActive) throw new DOMException('nobody has clicked', 'SecurityError');
  chosen.push(suggestedName);
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(suggestedName, { create: true });
  // As the real one does.
  const emptied = await file.createWritable();
  await emptied.truncate(0);
  await emptied.close();
  return file;
};`;

/** Runs in the page: length and SHA-256 of a file that was chosen. */
export const chosenFile = (name: string) => `(async () => {
  const root = await navigator.storage.getDirectory();
  const file = await (await root.getFileHandle(${JSON.stringify(name)})).getFile();
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return [file.size, [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')];
})()`;
