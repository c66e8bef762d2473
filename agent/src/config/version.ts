/** Set by the bundler; the package's own version where nothing is bundled. */
declare const RM_VERSION: string | undefined;

/** Set by the bundler, in seconds since 1970. */
declare const RM_BUILD_DATE: number | undefined;

export const version: string = typeof RM_VERSION === 'string' ? RM_VERSION : '0.1.0';

/** Changed with the version: milliseconds since 1970. */
const released = Date.UTC(2026, 10, 24);

/**
 * The day on which this version was released or, if it is later, what `SOURCE_DATE_EPOCH` was when it was built, in
 * milliseconds since 1970. A clock that shows less has not been set.
 */
export const buildDate: number =
  typeof RM_BUILD_DATE === 'number' ? Math.max(released, RM_BUILD_DATE * 1000) : released;
