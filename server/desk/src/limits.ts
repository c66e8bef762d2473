/** Every bound of the pages of the host apart, with its reason. */
export const limits = {
  /** Milliseconds in which the dashboard answers the page that says it is there. */
  openingMs: 10_000,
  /** Milliseconds without a word of the server after which it is asked for one: less than its own `pongMs`, so that it need not ask. */
  quietMs: 25_000,
  /** Milliseconds in which it answers then. While a device takes nothing, it says each `clientProbeMs` that it is there. */
  answerMs: 35_000,
  /** The same on another network, or when the page is looked at again. */
  returnedMs: 10_000,
  /** Bytes that wait to be sent by the browser. Beyond it, a writer waits. */
  sendBytes: 262_144,
  /** How often it is looked then whether they have gone: browsers do not tell. */
  sendPollMs: 20,
  /**
   * Bytes received that nobody has taken. Browsers cannot stop a WebSocket, so a device that sends more than SSH or VNC has asked
   * for loses its connection.
   */
  receivedBytes: 16_777_216,
  /** Bytes of one message to the server; its own bound is `clientMessageBytes`. */
  messageBytes: 32_768,
  /** Milliseconds without a picture after which a desktop says what it may be waiting for. */
  slowMs: 10_000,
  /** How often a device may have a character repeated at once: xterm makes the whole text first. */
  repetitions: 10_000,
  /**
   * Combining characters of one cell of a terminal. Written languages use fewer, and with more the browser would keep a
   * list of pieces for each cell.
   */
  combiningCharacters: 8,
  /** Of what a device sends by SFTP: the longest packet. Folders come in packets that the device makes as long as it likes. */
  sftpPacketBytes: 262_144,
  /** Of an open file or folder: the longest that the protocol allows. */
  sftpHandleBytes: 256,
  /** Of a path that a device says: `PATH_MAX` of Linux. */
  sftpPathBytes: 4_096,
  /** Of a name in a folder: 255 characters of up to four bytes. Longer ones are not listed. */
  sftpNameBytes: 1_020,
  /** Characters of what a device says of an error. */
  sftpReasonCharacters: 200,
  /** Names of one folder. Of a folder with more, the first are listed. */
  sftpNames: 5_000,
  /** Bytes of a file in one request: what every server takes. */
  sftpPieceBytes: 32_768,
  /** Requests of a transfer that wait for the device: with their pieces, one window. */
  sftpRequests: 32,
  /** Milliseconds in which a device that is asked says anything. To store a large file takes a slow one minutes. */
  sftpSilentMs: 300_000,
  /** Milliseconds in which a device removes what was begun, before the reader is told that it is still there. */
  sftpRemoveMs: 10_000,
  /** Bytes of a file that a browser keeps until it saves them, where it cannot write to the disk piece by piece. */
  blobBytes: 268_435_456,
  /** Milliseconds in which a browser begins to save them. */
  savedMs: 60_000,
  /** Bytes that are collected before they go to the disk. */
  savePieceBytes: 1_048_576,
  /** Transfers that are listed, with those that wait. */
  transfers: 100,
  /** Milliseconds between two pictures of a transfer, and in which its rate is measured. */
  progressMs: 200,
  rateMs: 5_000,
  /** Lines that a terminal keeps. */
  scrollBackLines: 10_000,
  /** Columns and rows of a recorded terminal: greater than any screen, and each cell takes memory. */
  replayColumns: 500,
  replayRows: 200,
  /** Characters of a recording after which no more go to its terminal until that has taken them: some 50 ms of a browser. */
  replayPieceCharacters: 262_144,
  /** Tabs of one page: each is a connection. */
  tabs: 12,
} as const;
