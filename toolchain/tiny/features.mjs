// What a build may leave out. What each costs is measured by `npm run build -- --sizes` and written to docs/sizes.md.

/**
 * @typedef {object} Feature
 * @property {string} what for the documentation
 * @property {Readonly<Record<string, string>>} [cmake] options of agent/tiny without it
 * @property {Readonly<Record<string, string>>} [define] constants of the bundle without it
 * @property {string} [mbedtls] definition with which mbedTLS is compiled without it
 */

/** @type {Readonly<Record<string, Feature>>} */
export const features = {
  tls: { what: 'TLS: `https` reflectors and proxies', cmake: { RM_TLS: 'OFF' } },
  tls13: {
    what: 'TLS 1.3; 1.2 stays',
    cmake: { RM_TLS13: 'OFF' },
    mbedtls: 'RM_WITHOUT_TLS13',
  },
  import: {
    what: '`rm-agent import FILE.properties`',
    cmake: { RM_IMPORT: 'OFF' },
    define: { RM_IMPORT: 'false' },
  },
  gateway: {
    what: 'one agent for many devices beside it ([gateway.md](gateway.md))',
    cmake: { RM_GATEWAY: 'OFF' },
    define: { RM_GATEWAY: 'false' },
  },
  mqtt: {
    what: 'the MQTT client, and the tunnel on demand ([mqtt.md](mqtt.md))',
    cmake: { RM_MQTT: 'OFF' },
    define: { RM_MQTT: 'false' },
  },
};

/**
 * The switches of a build without some features.
 * @param {readonly string[]} without names in {@link features}
 */
export function switchesFor(without) {
  const left = without.map((name) => features[name]);
  return {
    cmake: Object.assign({}, ...left.map((feature) => feature?.cmake)),
    define: Object.assign({}, ...left.map((feature) => feature?.define)),
    mbedtls: left.flatMap((feature) => (feature?.mbedtls ? [`-D${feature.mbedtls}`] : [])),
  };
}
