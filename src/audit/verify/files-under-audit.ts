import { tileWidth } from '../../log/right-edge.ts'
import { widthOf } from '../../log/tile.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'

/** Entries to look at, `to` exclusive. */
export interface EntryRange {
  readonly from: number
  readonly to: number
}

export const everything: EntryRange = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** What is read to look at these: bundles are read whole. */
export function wholeBundles({ from, to }: EntryRange): EntryRange {
  return { from: Math.floor(from / tileWidth) * tileWidth, to: Math.ceil(to / tileWidth) * tileWidth }
}

/** What a source gave for one bundle; a text is the finding that it has no such file. */
export interface Fetched {
  readonly n: number
  readonly width: number
  /** undefined where its entries were not asked for */
  readonly bundle: Buffer | string | undefined
  readonly tile: Buffer | string
}

/** A source as a verification asks it: that a file is not there is a finding, that nobody answers is none. */
export class FilesUnderAudit {
  readonly #source: LogSource
  readonly #entries: EntryRange

  constructor(source: LogSource, entries: EntryRange) {
    this.#source = source
    this.#entries = entries
  }

  /** @throws {SourceFailed} when the source is away */
  async fetch(n: number, size: number): Promise<Fetched> {
    const width = widthOf(0, n, size)
    const { from, to } = this.#entries
    const asked = n * tileWidth + width > from && n * tileWidth < to
    const [bundle, tile] = await Promise.all([
      asked ? this.#file(() => this.#source.bundle(n, width)) : undefined,
      this.tile(0, n, width),
    ])
    return { n, width, bundle, tile }
  }

  /** @throws {SourceFailed} when the source is away */
  tile(level: number, n: number, width: number): Promise<Buffer | string> {
    return this.#file(() => this.#source.tile(level, n, width))
  }

  /** Whether a failure tells something about the log, and not about the way to it. */
  isFinding(error: unknown): error is SourceFailed {
    if (!(error instanceof SourceFailed)) return false
    const isRemote = /^https?:/i.test(this.#source.name)
    return error.code === 'missing' || (error.code === 'refused' && !isRemote)
  }

  async #file(read: () => Promise<Buffer>): Promise<Buffer | string> {
    try {
      return await read()
    } catch (error) {
      if (this.isFinding(error)) return error.message
      throw error
    }
  }
}
