/**
 * Where a log is read from to verify it: a running exchange, an export, or a mirror. Nothing that comes from it is
 * trusted: every answer is checked by whoever asks.
 *
 * @see C2SP tlog-tiles for the paths and forms
 */
export interface LogSource {
  /** for people: the URL or the folder */
  readonly name: string
  /** the newest signed checkpoint, as a note */
  checkpoint(): Promise<string>
  /** the first `width` hashes of a tile, `width * 32` bytes if the source is honest */
  tile(level: number, n: number, width: number): Promise<Buffer>
  /** the entry bundle beside a level-0 tile, as served */
  bundle(n: number, width: number): Promise<Buffer>
  /** a file of a catalogue by its SHA-256, hex */
  blob(digest: string): Promise<Buffer>
  /**
   * A file that an export has beside the log, such as its index; absent where a source is no files.
   *
   * @returns undefined when there is none
   */
  beside?(path: string, maxBytes: number): Promise<Buffer | undefined>
  close(): Promise<void>
}

/** The source has no such thing, or can't be reached; not a finding about the log until the caller makes it one. */
export class SourceFailed extends Error {
  override readonly name = 'SourceFailed'
  /** `missing`: it answered that it has none; `away`: it did not answer, trying again may help */
  readonly code: 'missing' | 'away' | 'refused'

  constructor(code: 'missing' | 'away' | 'refused', message: string) {
    super(message)
    this.code = code
  }
}
