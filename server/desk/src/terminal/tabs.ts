import { computed, effect, type Signal, signal } from '@preact/signals';
import type { Bridge } from '../bridge/bridge.ts';
import { limits } from '../limits.ts';
import { Screen } from './screen.ts';
import { TerminalSession } from './terminal-session.ts';

export interface Tab {
  readonly id: number;
  readonly screen: Screen;
  readonly session: TerminalSession;
}

/** The terminals of the page, one of which is shown. */
export class Tabs {
  readonly all = signal<readonly Tab[]>([]);
  readonly shown = signal(0);
  readonly current = computed(() => this.all.value.find(({ id }) => id === this.shown.value));
  /** Whether screen readers find the lines of terminals, which makes these slower. The dashboard remembers it. */
  readonly screenReader: Signal<boolean>;
  readonly mayAdd = computed(() => this.all.value.length < limits.tabs);
  readonly #bridge: Bridge;
  readonly #dark: boolean;
  #made = 0;

  constructor(bridge: Bridge, dark: boolean) {
    this.#bridge = bridge;
    this.#dark = dark;
    this.screenReader = signal(bridge.opening.screenReader);
    effect(() => {
      for (const { screen } of this.all.value) screen.setScreenReader(this.screenReader.value);
    });
  }

  setScreenReader(on: boolean): void {
    this.screenReader.value = on;
    // Where it cannot be remembered, it holds for this page.
    this.#bridge.ask('screenReader', on).catch(() => {});
  }

  add(): void {
    if (!this.mayAdd.value) return;
    const session = new TerminalSession(this.#bridge, () => screen);
    const screen: Screen = new Screen(
      this.#dark,
      (bytes) => session.typed(bytes),
      (size) => session.resized(size),
    );
    const tab = { id: ++this.#made, screen, session };
    this.all.value = [...this.all.value, tab];
    this.shown.value = tab.id;
    session.connect().catch(() => {});
  }

  close(id: number): void {
    const at = this.all.value.findIndex((tab) => tab.id === id);
    const tab = this.all.value[at];
    if (!tab) return;
    tab.session.close();
    tab.screen.close();
    this.all.value = this.all.value.filter((one) => one !== tab);
    if (this.shown.value === id) this.shown.value = (this.all.value[at] ?? this.all.value[at - 1])?.id ?? 0;
  }
}
