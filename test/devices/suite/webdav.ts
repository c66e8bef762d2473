import type { OtherRequest } from './device.ts';

const properties = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getcontentlength/></prop></propfind>';

/** What a WebDAV client does, in a collection for each way. */
export const webDav: readonly OtherRequest[] = [
  { method: 'OPTIONS', path: '/dav/' },
  { method: 'MKCOL', path: '/dav/{way}/' },
  { method: 'MKCOL', path: '/dav/{way}/' },
  { method: 'PUT', path: '/dav/{way}/a.txt', body: 'one' },
  { method: 'COPY', path: '/dav/{way}/a.txt', headers: { Destination: '{origin}/dav/{way}/b.txt' } },
  { method: 'GET', path: '/dav/{way}/b.txt' },
  {
    method: 'MOVE',
    path: '/dav/{way}/a.txt',
    headers: { Destination: '{origin}/dav/{way}/c.txt', Overwrite: 'F' },
  },
  { method: 'DELETE', path: '/dav/{way}/b.txt' },
  { method: 'GET', path: '/dav/{way}/b.txt' },
];

/** For servers that know properties. */
export const webDavProperties: readonly OtherRequest[] = [
  ...webDav,
  { method: 'PROPFIND', path: '/dav/{way}/', headers: { Depth: '1' } },
  {
    method: 'PROPFIND',
    path: '/dav/{way}/c.txt',
    headers: { Depth: '0', 'Content-Type': 'text/xml' },
    body: properties,
  },
  { method: 'DELETE', path: '/dav/{way}/' },
];

/** When something was made, in the answer to PROPFIND. */
export const whenMade = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|ETag: \S+|getetag[^>]*>[^<]*/g;
