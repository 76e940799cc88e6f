import { tileWidth } from '../../log/right-edge.ts'
import {
  maxSegmentBytes,
  nameBytes,
  namesByEntry,
  SegmentDamaged,
  segmentEntries,
  segmentOf,
  segmentPath,
} from '../export/index-segment.ts'
import type { Manifest } from '../export/manifest.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { isUrl } from '../open-source.ts'

/**
 * Whether a copy has an index of subjects: its first segment or its last one. Where both are missing, nobody finds anything by it.
 *
 * @param manifest nobody looks for an index without one
 * @throws {SourceFailed} when the source is away
 */
export async function hasIndex(source: LogSource, manifest: Manifest | undefined, size: number): Promise<boolean> {
  if (manifest === undefined || size === 0) return false
  const last = segmentOf(size - 1)
  return (await hasSegment(source, 0)) || (last > 0 && (await hasSegment(source, last)))
}

async function hasSegment({ name, beside }: LogSource, segment: number): Promise<boolean> {
  try {
    return (await beside?.(segmentPath(segment), maxSegmentBytes)) !== undefined
  } catch (error) {
    if (!(error instanceof SourceFailed) || error.code === 'away') throw error
    // a file that can't be read is there; what a server denies may be a file that it doesn't have
    return !isUrl(name)
  }
}

/** The index of subjects as a verification asks it: bundle after bundle, so that one segment is read once. */
export class IndexUnderAudit {
  readonly #read: (path: string, maxBytes: number) => Promise<Buffer | string>
  #segment = -1
  #names: Promise<Buffer | string> = Promise.resolve('')

  /** @param read a text is the finding that there is no such file */
  constructor(read: (path: string, maxBytes: number) => Promise<Buffer | string>) {
    this.#read = read
  }

  /** What it says of the entries of a bundle, {@link nameBytes} for each; a text is what is wrong with its segment. */
  async of(n: number, width: number): Promise<Uint8Array | string> {
    const segment = segmentOf(n * tileWidth)
    if (segment !== this.#segment) {
      this.#segment = segment
      this.#names = this.#namesIn(segment)
    }
    const names = await this.#names
    if (typeof names === 'string') return names
    const at = ((n * tileWidth) % segmentEntries) * nameBytes
    // memory of its own: it crosses threads
    return new Uint8Array(names.subarray(at, at + width * nameBytes))
  }

  async #namesIn(segment: number): Promise<Buffer | string> {
    const bytes = await this.#read(segmentPath(segment), maxSegmentBytes)
    if (typeof bytes === 'string') return bytes
    try {
      return namesByEntry(bytes, segment)
    } catch (error) {
      if (!(error instanceof SegmentDamaged)) throw error
      return error.message
    }
  }
}
