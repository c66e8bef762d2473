import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Frame, Page } from 'playwright-core';
import { openLoggedIn } from '../../../test/system/chromium.ts';
import { findings } from './axe.ts';

/** Only something that hangs reaches it. */
const timeout = 120_000;

/** A page of the dashboard with a terminal or a desktop in it, and what browser and policy have complained of. */
export class DeskTab {
  readonly page: Page;
  readonly frame: Frame;
  readonly complaints: readonly string[];

  private constructor(page: Page, frame: Frame, complaints: readonly string[]) {
    this.page = page;
    this.frame = frame;
    this.complaints = complaints;
  }

  /** `base`: of the server; `path`: below its dashboard; `tolerated`: beginnings of messages of the browser. */
  static async open(
    context: BrowserContext,
    base: string,
    path: string,
    user: string,
    tolerated: readonly string[] = [],
  ): Promise<DeskTab> {
    const page = await context.newPage();
    page.setDefaultTimeout(timeout);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (tolerated.some((text) => message.text().startsWith(text))) return;
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    const own = [base, base.replace('localhost', 'desk.localhost'), 'data:'];
    page.on('request', (request) => {
      if (!own.some((address) => request.url().startsWith(address))) {
        complaints.push(`leaves the server: ${request.url()}`);
      }
    });
    await openLoggedIn(page, `${base}/dashboard/${path}`, { user, password: 'a long enough secret' });
    const element = await page.locator('iframe.desk').elementHandle();
    const frame = await element?.contentFrame();
    if (!frame) throw new Error('no frame');
    return new DeskTab(page, frame, complaints);
  }

  button(name: string) {
    return this.frame.getByRole('button', { name, exact: true });
  }

  /** Takes a picture of the page, into the folder that `RM_SCREENSHOTS` names. Without it, none. */
  async picture(name: string): Promise<void> {
    const folder = process.env.RM_SCREENSHOTS ?? '';
    if (folder === '') return;
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** What axe finds in the frame. */
  findings(): Promise<string[]> {
    return findings(this.frame);
  }
}
