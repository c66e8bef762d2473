declare module 'bufferutil' {
  /** XORs `bytes` in place with `key`, which has 4 bytes. */
  function unmask(bytes: Uint8Array, key: Uint8Array): void;
  const bufferUtil: { readonly unmask: typeof unmask };
  export default bufferUtil;
}
