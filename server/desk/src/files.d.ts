/** Files whose addresses the bundle knows. */
declare module '*.json' {
  const address: string;
  export default address;
}
declare module '*.css';
