/** The wire formats, shared by agent, reflector and tests. Sans-IO; imports nothing. */
export * from './base64.ts';
export * from './basic.ts';
export * from './challenge.ts';
export * from './digest.ts';
export * from './errors.ts';
export * from './extension.ts';
export * from './http-head.ts';
export * from './property.ts';
export * from './retry-after.ts';
export * from './subprotocol.ts';
export * from './text.ts';
export * from './uri.ts';
export * from './websocket-frame.ts';
export * from './websocket-handshake.ts';
export * from './websocket-reader.ts';
export * from './webtunnel-decoder.ts';
export * from './webtunnel-frame.ts';
