// The SSH library takes Node's global `Buffer` for granted; the bundler gives it this one.
export { Buffer } from 'buffer';
