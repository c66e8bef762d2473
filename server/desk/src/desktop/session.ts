import RFB from '@novnc/novnc';
import { signal } from '@preact/signals';
import type { Clipboard } from '../../../dashboard/src/desk/messages.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { Channel } from '../connection/channel.ts';
import type { ConnectionEnd } from '../connection/end.ts';
import { pageReturns } from '../connection/page-returns.ts';
import { openSocket } from '../connection/socket.ts';
import { rfbOver } from './carry.ts';
import { notLatin1, takesUnicode } from './clipboard-letters.ts';
import { type DesktopEnd, endOfDesktop } from './end-of-desktop.ts';
import { keysymOf, keysyms, type Typed } from './typed.ts';

/** What the server asks for before it shows anything. */
export type Credential = 'username' | 'password';

export type State =
  | { readonly is: 'connecting' | 'shown' }
  | { readonly is: 'asking'; readonly fields: readonly Credential[] }
  /** The server shows its key, which no other server has; in groups of hexadecimal digits. */
  | { readonly is: 'verifying'; readonly fingerprint: string }
  | { readonly is: 'refused'; readonly error: unknown }
  | { readonly is: 'over'; readonly end: DesktopEnd };

/** How the picture is shown. `resize`: the desktop takes the size of the window, where its server can do that. */
export type Fit = 'fit' | 'real' | 'resize';

const nothing: Clipboard = { toDevice: false, fromDevice: false };

/** A desktop on this page, from one connection to the next. */
export class DesktopSession {
  readonly state = signal<State>({ is: 'connecting' });
  /** As its server calls it. */
  readonly name = signal('');
  readonly fit = signal<Fit>('fit');
  readonly viewOnly = signal(false);
  /** What may pass; nothing before there is a connection. */
  readonly clipboard = signal<Clipboard>(nothing);
  /** What was last copied on the device. */
  readonly copied = signal('');
  readonly #bridge: Bridge;
  readonly #screen: HTMLElement;
  readonly #label: string;
  #rfb: RFB | null = null;
  #isClosing = false;

  /** `screen`: where the picture is; `label`: what it is called for who does not see it. */
  constructor(bridge: Bridge, screen: HTMLElement, label: string) {
    this.#bridge = bridge;
    this.#screen = screen;
    this.#label = label;
  }

  async connect(): Promise<void> {
    this.state.value = { is: 'connecting' };
    this.copied.value = '';
    this.#isClosing = false;
    let channel: Channel;
    try {
      const { ticket, clipboard, alive } = await this.#bridge.ask('desktop', undefined);
      this.clipboard.value = clipboard;
      channel = new Channel(await openSocket(ticket), alive ? pageReturns : null);
    } catch (error) {
      this.state.value = { is: 'refused', error };
      return;
    }
    this.#show(channel);
  }

  close(): void {
    this.#isClosing = true;
    this.#rfb?.disconnect();
  }

  answer(credentials: Readonly<Partial<Record<Credential, string>>>): void {
    this.state.value = { is: 'connecting' };
    this.#rfb?.sendCredentials(credentials);
  }

  trust(): void {
    this.state.value = { is: 'connecting' };
    this.#rfb?.approveServer();
  }

  setFit(fit: Fit): void {
    this.fit.value = fit;
    this.#look();
  }

  setViewOnly(viewOnly: boolean): void {
    this.releaseKeys();
    this.viewOnly.value = viewOnly;
    this.#look();
  }

  focus(): void {
    this.#rfb?.focus();
  }

  /** Without it, a key that is held down when the focus goes elsewhere would stay down on the device. */
  releaseKeys(): void {
    // This is when noVNC does so.
    globalThis.dispatchEvent(new Event('blur'));
  }

  /** Presses keys one after the other, and releases them. */
  press(...keys: readonly number[]): void {
    for (const key of keys) this.#rfb?.sendKey(key, null, true);
    for (const key of keys.toReversed()) this.#rfb?.sendKey(key, null, false);
  }

  ctrlAltDel(): void {
    this.#rfb?.sendCtrlAltDel();
  }

  type({ removed, added }: Typed): void {
    for (let i = 0; i < removed; i++) this.press(keysyms.backspace);
    for (const character of added) this.press(keysymOf(character));
  }

  /**
   * Text that can be pasted on the device. Returns letters that its VNC server does not take: of those with the clipboard of RFC 6143 alone
   * (x11vnc), what is not in Latin-1. Then nothing was copied.
   */
  copyToDevice(text: string): readonly string[] {
    const rfb = this.#rfb;
    if (!this.clipboard.value.toDevice || !rfb) return [];
    // noVNC would send a question mark for each.
    const lost = takesUnicode(rfb) ? [] : notLatin1(text);
    if (lost.length === 0) rfb.clipboardPasteFrom(text);
    return lost;
  }

  #show(channel: Channel): void {
    const { rfb: raw, begin } = rfbOver(channel);
    const rfb = new RFB(this.#screen, raw);
    this.#rfb = rfb;
    const canvas = this.#screen.querySelector('canvas');
    canvas?.setAttribute('role', 'application');
    canvas?.setAttribute('aria-label', this.#label);
    if (canvas) canvas.tabIndex = 0;
    rfb.background = 'transparent';
    this.#look();

    let connection: ConnectionEnd | null = null;
    let refused: string | null = null;
    let hasAnswered = false;
    let wasShown = false;
    rfb.addEventListener('connect', () => {
      wasShown = true;
      this.state.value = { is: 'shown' };
      this.#look();
    });
    rfb.addEventListener('credentialsrequired', ({ detail: { types } }) => {
      hasAnswered = true;
      const fields = (['username', 'password'] as const).filter((field) => types.includes(field));
      this.state.value = { is: 'asking', fields };
    });
    rfb.addEventListener('serververification', ({ detail: { publickey } }) => {
      fingerprintOf(publickey).then(
        (fingerprint) => {
          this.state.value = { is: 'verifying', fingerprint };
        },
        () => rfb.disconnect(),
      );
    });
    rfb.addEventListener('securityfailure', ({ detail: { reason } }) => {
      refused = reason ?? '';
    });
    rfb.addEventListener('desktopname', ({ detail: { name } }) => {
      this.name.value = name;
    });
    rfb.addEventListener('clipboard', ({ detail: { text } }) => {
      if (this.clipboard.value.fromDevice) this.copied.value = text;
    });
    rfb.addEventListener('disconnect', () => {
      if (this.#rfb !== rfb) return;
      this.#rfb = null;
      this.name.value = '';
      if (this.state.value.is === 'over') return;
      const end = endOfDesktop({ connection, refused, hasAnswered, wasShown });
      const closed = { key: 'desktop.closed', reason: '', again: true };
      this.state.value = { is: 'over', end: this.#isClosing ? closed : end };
    });
    channel.ended
      .then((end) => {
        connection = end;
      })
      .catch(() => {});
    begin(() => rfb.disconnect()).catch(() => {});
  }

  #look(): void {
    const rfb = this.#rfb;
    if (!rfb) return;
    const fit = this.fit.value;
    rfb.viewOnly = this.viewOnly.value;
    rfb.scaleViewport = fit !== 'real';
    rfb.resizeSession = fit === 'resize';
  }
}

/** As TigerVNC's viewer shows it: the first 8 bytes of SHA-1. */
async function fingerprintOf(key: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', key));
  return [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('-');
}
