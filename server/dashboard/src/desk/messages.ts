/*
 * What the dashboard and a page of the host apart (`server/desk`) say to each other. That host knows no users: the page in the frame
 * asks, and the dashboard, which asks the API as its user, answers for the device and port that it shows and for nothing else.
 *
 * The page in the frame begins with {@link Ready}. The dashboard answers with {@link Opening} and a `MessagePort`, over which
 * everything else goes. Both check the origin and the window of the first message that they get.
 */

export type DeskPage = 'terminal' | 'desktop';

/** From the page in the frame: it listens. */
export interface Ready {
  readonly desk: 'ready';
}

/** From the dashboard: what is to be shown. */
export interface Opening extends Look {
  readonly desk: 'open';
  /** ID of the device, and its name if it has one. */
  readonly device: string;
  readonly name: string;
  readonly port: number;
  /** The user of the dashboard. */
  readonly user: string;
  /** Whether the user wants terminals to have their lines as text for screen readers. */
  readonly screenReader: boolean;
}

/** How the page looks; `undefined`: as the browser wants it. */
export interface Look {
  readonly language?: string | undefined;
  readonly theme?: 'light' | 'dark' | undefined;
  /** Of the dashboard; `undefined`: unknown. */
  readonly brand?: DeskBrand | undefined;
}

/** Of the API: `GET /branding`. Each address is a path, at which the host apart has the same file. */
export interface DeskBrand {
  readonly name: string | null;
  readonly logo: { readonly light: string; readonly dark: string } | null;
  /** Colours; `null`: ours. */
  readonly style: string | null;
  /** The first is the usual one. */
  readonly languages: readonly string[];
  /** By language: texts in the place of ours. Keys of terminal and desktop begin with `desk.`. */
  readonly texts: Readonly<Record<string, string>>;
}

/** In which direction a desktop lets text pass. */
export interface Clipboard {
  readonly toDevice: boolean;
  readonly fromDevice: boolean;
}

/** `alive`: the server answers a page that asks whether it is there; absent: it is older than that. */
interface Alive {
  readonly alive?: boolean;
}

/** What a page asks for, and what it gets. */
export interface Asks {
  /** A one-use ticket for a TCP connection to the port. `sshAtServer`: the server allows that SSH ends there; `recorded`: it has to. */
  readonly ticket: {
    readonly takes: undefined;
    readonly gives: Alive & {
      readonly ticket: string;
      readonly sshAtServer: boolean;
      readonly recorded: boolean;
    };
  };
  /** One for a terminal whose SSH ends at the server. Refused with 403 where that is not allowed. */
  readonly sshTicket: { readonly takes: undefined; readonly gives: string };
  /** The same for a desktop, with what the configuration of the server lets pass. */
  readonly desktop: {
    readonly takes: undefined;
    readonly gives: Alive & { readonly ticket: string; readonly clipboard: Clipboard };
  };
  /** The SSH host key by which the port is known, type and base64; `null`: none yet. */
  readonly hostKey: { readonly takes: undefined; readonly gives: KnownHostKey | null };
  /** Remembers it. Refused with 409 when another one is known, or as many are as are kept. */
  readonly trustHostKey: { readonly takes: string; readonly gives: undefined };
  /** Forgets the known one. Refused with 403 for those who may not. */
  readonly forgetHostKey: { readonly takes: undefined; readonly gives: undefined };
  /** An asciicast, for a page that plays one. Refused with 404 where there is none. */
  readonly recording: { readonly takes: undefined; readonly gives: ArrayBuffer };
  /** Remembers, for the user, what {@link Opening} says of it. */
  readonly screenReader: { readonly takes: boolean; readonly gives: undefined };
  /**
   * A file that the user chooses, by its usual name: browsers let no frame of another origin ask for one. The page has just been clicked
   * or typed in. Aborted, the file is removed. `cancelled`: the user wants none; `none`: this browser cannot do it.
   */
  readonly saveFile: {
    readonly takes: string;
    readonly gives: FileToSave | 'cancelled' | 'none';
  };
}

/** A file that the user has chosen. Its content goes into `stream`. */
export interface FileToSave {
  readonly stream: WritableStream<Uint8Array>;
  /** One boolean comes from it: whether the file has it all. A stream from another window is closed before that is known. */
  readonly saved: MessagePort;
}

/** Of the API: `GET /devices/{id}/host-keys`. */
export interface KnownHostKey {
  readonly port: number;
  readonly key: string;
  readonly fingerprint: string;
  /** RFC 3339. */
  readonly added: string;
  readonly addedBy: string;
}

export type AskName = keyof Asks;

export interface Question<Name extends AskName = AskName> {
  /** Of the page, for the answer. */
  readonly ask: number;
  readonly name: Name;
  readonly value: Asks[Name]['takes'];
}

/** `fault`: the HTTP status that the API has refused it with; 0: the server cannot be reached. */
export type Reply =
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly fault: number; readonly text: string };

export const isReady = (data: unknown): data is Ready =>
  typeof data === 'object' && data !== null && 'desk' in data && data.desk === 'ready';
export const isOpening = (data: unknown): data is Opening =>
  typeof data === 'object' && data !== null && 'desk' in data && data.desk === 'open';
export const isQuestion = (data: unknown): data is Question =>
  typeof data === 'object' &&
  data !== null &&
  'ask' in data &&
  typeof data.ask === 'number' &&
  'name' in data;
