import type { ServerKey } from './host-key.ts';
import type { TerminalSize } from './requests.ts';
import type { Questions } from './session.ts';

/*
 * What a page and the server say to each other where SSH ends at the server: JSON in text messages of the WebSocket `/ssh`, behind the
 * ticket. Binary messages are the bytes of the shell, in both directions. Each side sends on only as the other says {@link Taken}.
 */

/** So many bytes have gone on. */
export interface Taken {
  readonly type: 'taken';
  readonly bytes: number;
}

/** From the page. */
export type PageMessage =
  /** The first. `known`: the type of the key by which the device is known, such as `ssh-ed25519`. */
  | { readonly type: 'begin'; readonly known: string | null }
  | { readonly type: 'password'; readonly user: string; readonly password: string }
  /** `publicKey`: 32 bytes of Ed25519 in base64. */
  | { readonly type: 'key'; readonly user: string; readonly publicKey: string }
  | { readonly type: 'answers'; readonly answers: readonly string[] | null }
  /** In base64; `null`: the page does not sign this. */
  | { readonly type: 'signature'; readonly signature: string | null }
  | ({ readonly type: 'shell' | 'resize' } & TerminalSize)
  /** Behind `hostKey`: the server answers with the same. */
  | { readonly type: 'alive' }
  | Taken;

/** From the server. */
export type ServerMessage =
  | { readonly type: 'hostKey'; readonly key: ServerKey }
  | { readonly type: 'questions'; readonly asked: Questions }
  /** What is to be signed with the key, in base64. */
  | { readonly type: 'sign'; readonly data: string }
  | { readonly type: 'loggedIn'; readonly taken: boolean }
  | { readonly type: 'shell' }
  | { readonly type: 'alive' }
  | { readonly type: 'exit'; readonly status: number | null }
  /** A key of the texts of the page, such as `ssh.failed`. */
  | { readonly type: 'failed'; readonly key: `ssh.${string}` }
  | Taken;
