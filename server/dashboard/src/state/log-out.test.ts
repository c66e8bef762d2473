import { afterEach, beforeEach, expect, test, vi } from 'vitest';

class Form extends EventTarget {
  readonly action: string;

  constructor(path: string) {
    super();
    this.action = `http://server.example${path}`;
  }
}

const asked = vi.fn(async (_address: string) => Response.json({}, { status: 401 }));
let page: EventTarget;
let browser: EventTarget;
let watch: typeof import('./log-out.ts');
beforeEach(async () => {
  asked.mockClear();
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  browser = new EventTarget();
  vi.stubGlobal('document', page);
  vi.stubGlobal('HTMLFormElement', Form);
  vi.stubGlobal('BroadcastChannel', EventTarget);
  vi.stubGlobal('fetch', asked);
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
  vi.resetModules();
  watch = await import('./log-out.ts');
  watch.watchLogOut();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const submit = (path: string) =>
  browser.dispatchEvent(Object.defineProperty(new Event('submit'), 'target', { value: new Form(path) }));

test('a page that logs out does not ask whether it is logged in when the server ends its stream', () => {
  submit('/log-out');
  watch.askLoggedIn();
  page.dispatchEvent(new Event('visibilitychange'));
  expect(asked).not.toHaveBeenCalled();
});

test('any other page asks', () => {
  submit('/log-in');
  watch.askLoggedIn();
  expect(asked).toHaveBeenCalledTimes(1);
  page.dispatchEvent(new Event('visibilitychange'));
  expect(asked).toHaveBeenCalledTimes(2);
});
