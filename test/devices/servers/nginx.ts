import type { Device } from '../suite/device.ts';
import { files } from '../suite/documents.ts';
import { nginx } from '../suite/nginx.ts';
import { webDav, whenMade } from '../suite/webdav.ts';

/** nginx with its WebDAV, which refuses a chunked body where none is due. */
export const device: Device = {
  start: (place) => nginx(place, ''),
  asks: {
    ...files,
    upload: { path: '/dav/{way}.bin', method: 'PUT', stored: '/dav/{way}.bin' },
    others: webDav,
    volatile: [whenMade],
  },
};
