// An archive of a container image for several processors, in the layout of the OCI (image-spec, image-layout.md): what
// `docker load`, `podman load` and `skopeo` take.
import { createHash } from 'node:crypto';
import { textFile } from '../packages/package.mjs';
import { gzip, tar } from '../packages/tar.mjs';

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/** @param {Buffer} content */
const digest = (content) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/**
 * @typedef {object} Platform
 * @property {'amd64' | 'arm64' | 'arm'} architecture
 * @property {string} [variant]
 * @property {readonly import('../packages/file-tree.mjs').FileEntry[]} entries its whole file system
 */

/**
 * What the image is and how it starts (image-spec, config.md).
 * @typedef {object} Description
 * @property {string} name
 * @property {string} version
 * @property {readonly string[]} command
 * @property {string} user
 * @property {Readonly<Record<string, string>>} environment
 * @property {readonly string[]} volumes
 * @property {readonly string[]} ports such as `8080/tcp`
 * @property {Readonly<Record<string, string>>} labels
 */

/**
 * @param {Description} description
 * @param {readonly Platform[]} platforms
 * @param {number} time of everything in it, seconds since 1970
 * @returns {Buffer}
 */
export function ociArchive(description, platforms, time) {
  /** @type {Map<string, Buffer>} */
  const blobs = new Map();
  /** @param {string} mediaType @param {Buffer} content */
  const add = (mediaType, content) => {
    blobs.set(digest(content), content);
    return { mediaType, digest: digest(content), size: content.length };
  };
  const json = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value));
  const created = new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const emptyEach = (/** @type {readonly string[]} */ names) =>
    Object.fromEntries(names.map((name) => [name, {}]));

  const manifests = platforms.map(({ architecture, variant, entries }) => {
    const platform = { architecture, os: 'linux', ...(variant === undefined ? {} : { variant }) };
    const layer = tar(entries, { time });
    const config = {
      created,
      ...platform,
      config: {
        User: description.user,
        Env: Object.entries(description.environment).map(([name, value]) => `${name}=${value}`),
        Entrypoint: description.command,
        ...(description.ports.length > 0 ? { ExposedPorts: emptyEach(description.ports) } : {}),
        Volumes: emptyEach(description.volumes),
        WorkingDir: '/',
        Labels: description.labels,
      },
      rootfs: { type: 'layers', diff_ids: [digest(layer)] },
      history: [{ created, created_by: 'rm-agent release' }],
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: add(types.config, json(config)),
      layers: [add(types.layer, gzip(layer))],
    };
    return { ...add(types.manifest, json(manifest)), platform };
  });
  const all = add(types.index, json({ schemaVersion: 2, mediaType: types.index, manifests }));
  const { name, version } = description;
  const annotations = {
    'io.containerd.image.name': `${name}:${version}`,
    'org.opencontainers.image.ref.name': version,
  };
  return tar(
    [
      textFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
      textFile(
        'index.json',
        JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [{ ...all, annotations }] }),
      ),
      ...[...blobs].map(([name, content]) => ({
        path: `blobs/${name.replace(':', '/')}`,
        mode: 0o644,
        content,
      })),
    ],
    { time },
  );
}
