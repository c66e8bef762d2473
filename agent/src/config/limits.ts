/** Bounds on what programs of the device itself cost; `custom-properties.test.ts` tries to break them. */
export const defaultCommandLimits = {
  /** What one property's command may take, in milliseconds. */
  commandMs: 10_000,
  /** What the commands of all properties may take together, in milliseconds: the upgrade waits for them. */
  commandsMs: 20_000,
  /** Output of a command that is read, in bytes; a property is one line. */
  commandBytes: 1024,
  /** Bytes read of a failed command's standard error: they become part of one line of the log. */
  commandErrorBytes: 400,
  /**
   * Names and values of all custom properties, in UTF-16 code units: they travel in the head of the upgrade request, of
   * which a reflector or a proxy may take no more than 16 KiB.
   */
  propertiesLength: 8192,
};

/**
 * Every bound of the agent, in one place. On a machine with little memory some are smaller (`sizing.ts`). A peer that goes beyond one harms its own channel, or at worst its own
 * tunnel, and nothing else. `tunnel/limits.test.ts` tries to break each.
 */
export const defaultLimits = {
  /**
   * Payload bytes of one channel that wait here for a local reader; announced as `window` where the reflector knows
   * the extension. 256 KiB carry 2.5 MB/s over a path of 100 ms. Without the extension it is half of this and what one
   * read brings (64 KiB), where that is more.
   */
  windowBytes: 262_144,
  /** Largest data payload of one frame, in either direction; announced as `max-frame`. */
  frameBytes: 65_536,
  /**
   * Without the extension: how long, in milliseconds, the tunnel waits for a local reader that is half a window behind
   * and takes nothing, before the channel ends. A reader that goes on taking is waited for, because the reflector has
   * no other way to learn that it is slow.
   */
  stallMs: 1000,
  /** Channels at once, those included whose local socket is still being dialled or drained. */
  channels: 1024,
  /** Channels at once that wait for their local socket to connect; more are a reflector gone wild. */
  pendingOpens: 256,
  /** Payload bytes that wait for all local readers together; beyond it the channel that holds most of them ends. */
  totalBytes: 16_777_216,
  /**
   * What the process may hold on the tiny runtime, engine and host together; one byte more ends it, and the supervisor
   * starts it anew. Twice `totalBytes` at least, so that no peer reaches it with bytes that wait, and little enough that
   * the kernel of a board with 64 MB never has to choose whom to kill.
   */
  memoryBytes: 33_554_432,
  /**
   * Bytes on their way to the reflector above which local sockets are not read: little enough that a new request does
   * not wait long behind a bulk transfer.
   */
  queueBytes: 131_072,
  /**
   * Bytes of answers (pongs, faults, credit) on their way to the reflector above which the tunnel is not read, so that
   * a reflector that asks without reading cannot fill the memory.
   */
  answerBytes: 65_536,
  /** Largest HTTP head of a reflector or proxy. */
  headBytes: 16_384,
  /** Addresses of one name that are dialled, at once in the worst case; each costs a socket and TCP's first packet. */
  addresses: 8,
  /** Reflectors of the configuration, each of which one attempt may try. */
  reflectors: 8,
  /** Proxies of the configuration, by each of which one attempt may try each reflector. */
  proxies: 8,
  /**
   * Characters of the reason of a failed attempt, in the log and in the status. It names each route that was tried, as
   * long as there is room, and then how many more there were.
   */
  reasonLength: 2000,
  /**
   * Characters of the settings of single services that the reflector gets, in the same head as the custom properties; enough for
   * 256 services on hosts of their own.
   */
  serviceSettingsLength: 8192,
  ...defaultCommandLimits,
};

/**
 * Bounds of a gateway, which is one process with many devices. What its tunnels hold together is bounded by `limits` of its
 * configuration; `gateway/capacity.ts` divides that among them and compares it with the machine.
 */
export const gatewayLimits = {
  /** Devices of one gateway: more descriptors and memory than a board with 128 MB should give. */
  devices: 200,
  /** Files in the folder; more than devices, because some may be broken or of another kind. */
  files: 400,
  /** The gateway's own file, in bytes: that of an agent, and all of its devices. */
  ownFileBytes: 4_194_304,
  /** One device's file, in bytes: ten times the longest that makes sense. */
  fileBytes: 65_536,
  /** What a device costs in memory while nobody uses it, in bytes, its TLS session included: measured on Node, which takes most. */
  deviceBytes: 196_608,
  /** Descriptors of a device that nobody uses: its tunnel, and a second address that is dialled beside it. */
  deviceDescriptors: 2,
  /** Descriptors besides those of devices and channels: files, programs, look-ups, callers of the control socket. */
  otherDescriptors: 64,
  /** Devices that dial at once: a TLS handshake takes a second of a small processor. */
  dialsAtOnce: 8,
  /** After this time, in milliseconds, a device that is still dialling no longer keeps the next from it. */
  dialMs: 2000,
  /** In the place of `queueBytes` and `answerBytes`, for each tunnel: many of them may wait at once. */
  queueBytes: 32_768,
  answerBytes: 16_384,
  /** How long a target may take to accept a connection that only shows that it is there, in milliseconds. */
  probeMs: 5000,
  /** After this time, in milliseconds, the page's test of a device tries no further service. */
  testMs: 30_000,
  /** The wait before the first look at a target that was added, in milliseconds, so that they come one after the other. */
  firstProbeMs: 250,
  /** How long the folder must be quiet before it is read, and how long that may be put off, in milliseconds. */
  folderQuietMs: 300,
  folderMostMs: 3000,
  /** After how many milliseconds a device is looked at again that waits for a file or an address of this machine. */
  waitMs: 60_000,
  /** Characters of a reason in the list of all devices. */
  reasonLength: 200,
};

export type Limits = Readonly<typeof defaultLimits>;
