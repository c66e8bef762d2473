/** What we use of noVNC's docs/API.md, version 1.7. */
declare module '@novnc/novnc' {
  interface Events {
    connect: Event;
    disconnect: CustomEvent<{ readonly clean: boolean }>;
    credentialsrequired: CustomEvent<{ readonly types: readonly string[] }>;
    securityfailure: CustomEvent<{ readonly status: number; readonly reason?: string }>;
    serververification: CustomEvent<{ readonly type: string; readonly publickey: Uint8Array<ArrayBuffer> }>;
    clipboard: CustomEvent<{ readonly text: string }>;
    desktopname: CustomEvent<{ readonly name: string }>;
    bell: Event;
  }

  /** A WebSocket, or what looks like one. */
  interface RawChannel {
    binaryType: string;
    readonly protocol: string;
    readonly readyState: string;
    send(bytes: Uint8Array): void;
    close(): void;
  }

  export default class RFB {
    constructor(target: HTMLElement, channel: RawChannel, options?: { readonly shared?: boolean });
    background: string;
    clipViewport: boolean;
    dragViewport: boolean;
    focusOnClick: boolean;
    resizeSession: boolean;
    scaleViewport: boolean;
    showDotCursor: boolean;
    viewOnly: boolean;
    addEventListener<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
    approveServer(): void;
    blur(): void;
    clipboardPasteFrom(text: string): void;
    /** Not of its API: what the server has said of the extended clipboard. */
    readonly _clipboardServerCapabilitiesFormats: Readonly<Record<number, boolean>>;
    readonly _clipboardServerCapabilitiesActions: Readonly<Record<number, boolean>>;
    disconnect(): void;
    focus(): void;
    sendCredentials(credentials: Readonly<Record<string, string>>): void;
    sendCtrlAltDel(): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
  }
}
