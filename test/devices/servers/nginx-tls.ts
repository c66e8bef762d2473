import { selfSigned } from '../../certificates/self-signed.ts';
import type { Device } from '../suite/device.ts';
import { files } from '../suite/documents.ts';
import { nginx } from '../suite/nginx.ts';
import { webDav, whenMade } from '../suite/webdav.ts';

/** nginx that speaks TLS only. It redirects to `https:` and its own port, and compares `Destination` with what it speaks. */
export const device: Device = {
  start: (place) => {
    const { cert, key } = selfSigned(place.directory, 'pump-7');
    return nginx(place, ' ssl', [`ssl_certificate ${cert};`, `ssl_certificate_key ${key};`]);
  },
  tls: true,
  asks: {
    ...files,
    upload: { path: '/dav/{way}.bin', method: 'PUT', stored: '/dav/{way}.bin' },
    others: webDav,
    volatile: [whenMade],
  },
};
