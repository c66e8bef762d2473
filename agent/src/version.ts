/** Set by the bundler; the package's own version where nothing is bundled. */
declare const RM_VERSION: string | undefined;

export const version: string = typeof RM_VERSION === 'string' ? RM_VERSION : '0.1.0';
