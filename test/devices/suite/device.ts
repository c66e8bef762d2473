/** A web server as devices have it, and what to ask of it. */
export interface Device {
  /** Makes it listen on `port` of 127.0.0.1; resolves once it does. */
  start(place: Place): Promise<Running>;
  /** What the agent's configuration needs to say of it; `port` is the one that it listens on. */
  readonly settings?: (port: number) => Readonly<Record<string, unknown>>;
  /** It speaks TLS, with a certificate that nobody knows. */
  readonly tls?: true;
  readonly asks: Asks;
}

export interface Place {
  readonly port: number;
  /** An empty directory, removed after the end of the device. */
  readonly directory: string;
}

export interface Running {
  /** Resolves once nobody is connected, for a device that takes few connections; absent: it does not matter. */
  idle?(): Promise<void>;
  stop(): void | Promise<void>;
}

/**
 * What a device has, in paths. `{way}` in a path or body differs for each way on which it is asked, so that what one has
 * left behind does not change the answer to the next.
 */
export interface Asks {
  /** Asked by GET, HEAD, with conditions and ranges, several times on a connection, and opened in Chromium. */
  readonly page: string;
  /** Not opened in Chromium: the page has scripts that ask on and on, or the device waits for a log-in. */
  readonly withoutChromium?: true;
  readonly image?: string;
  /** A page that is not there. */
  readonly missing?: string;
  readonly form?: { readonly path: string; readonly body: string };
  /** Takes some MiB, with a length and chunked; `chunked: false`: the device does not know the coding. */
  readonly upload?: {
    readonly path: string;
    readonly method: 'PUT' | 'POST';
    readonly chunked?: false;
    /** Where what was stored can be fetched again. */
    readonly stored?: string;
  };
  /** Some MiB. */
  readonly download?: string;
  /** Leads to another page of the device. */
  readonly redirect?: string;
  readonly auth?: {
    readonly path: string;
    readonly user: string;
    readonly password: string;
    readonly scheme: 'basic' | 'digest' | 'ntlm';
  };
  readonly webSocket?: {
    readonly path: string;
    readonly send: readonly string[];
    readonly protocol?: string;
  };
  /** Goes on for ever; this many bytes are compared. */
  readonly stream?: { readonly path: string; readonly bytes: number };
  /** Requests of other methods, one after the other on one connection. */
  readonly others?: readonly OtherRequest[];
  /** What differs each time that the device is asked, and is left out of the comparison. */
  readonly volatile?: readonly RegExp[];
}

export interface OtherRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
