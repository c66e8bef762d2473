/** What a node says to a device, and the other way round. */
export type TunnelMessage =
  | { readonly kind: 'hello'; readonly id: string; readonly password: string }
  | { readonly kind: 'welcome' | 'refused' | 'ping' | 'pong' }
  | { readonly kind: 'open' | 'confirm' | 'end' | 'reset'; readonly channel: number }
  | { readonly kind: 'data'; readonly channel: number; readonly bytes: Buffer };

/** What a user sends. `stream`: the answer has no end. */
export const requestText = (number: number, stream: boolean) => `${number} ${stream ? 'stream' : 'once'}\n`;
/** Each line of an answer. */
export const answerText = (uid: string, number: number) => `${uid} ${number}\n`;
