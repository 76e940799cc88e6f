import { tileWidth } from '../../log/right-edge.ts'
import { widthOf } from '../../log/tile.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { IndexUnderAudit } from './index-under-audit.ts'

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
  /** what the index of subjects says of the entries, or what is wrong with its segment; undefined where it is not looked at */
  readonly names: Uint8Array | string | undefined
}

/** A source as a verification asks it: that a file is not there is a finding, that nobody answers is none. */
export class FilesUnderAudit {
  readonly #source: LogSource
  readonly #entries: EntryRange
  readonly #index: IndexUnderAudit | undefined

  /** @param withIndex whether its index of subjects is read as well */
  constructor(source: LogSource, entries: EntryRange, withIndex = false) {
    this.#source = source
    this.#entries = entries
    if (withIndex) this.#index = new IndexUnderAudit((path, maxBytes) => this.#beside(path, maxBytes))
  }

  /** @throws {SourceFailed} when the source is away */
  async fetch(n: number, size: number): Promise<Fetched> {
    const width = widthOf(0, n, size)
    const { from, to } = this.#entries
    const asked = n * tileWidth + width > from && n * tileWidth < to
    const [bundle, tile, names] = await Promise.all([
      asked ? this.#file(() => this.#source.bundle(n, width)) : undefined,
      this.tile(0, n, width),
      asked ? this.#index?.of(n, width) : undefined,
    ])
    return { n, width, bundle, tile, names }
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

  #beside(path: string, maxBytes: number): Promise<Buffer | string> {
    return this.#file(async () => {
      const { name, beside } = this.#source
      const bytes = await beside?.(path, maxBytes)
      if (bytes === undefined) throw new SourceFailed('missing', `${name} has no ${path}`)
      return bytes
    })
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
