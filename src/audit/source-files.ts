import { maxEntryBytes } from '../log/entry.ts'
import { hashBytes } from '../log/merkle.ts'
import { tileWidth } from '../log/right-edge.ts'
import { tilePath } from '../log/tile.ts'
import { type LogSource, SourceFailed } from './log-source.ts'

/** A log's files, wherever they lie. */
export interface LogFiles {
  /** for people */
  readonly name: string
  /**
   * A file by its path below the log's prefix.
   *
   * @returns undefined when there is none
   * @throws {SourceFailed} when it can't be read, or is larger than `maxBytes`
   */
  read(path: string, maxBytes: number): Promise<Buffer | undefined>
  close(): Promise<void>
}

/** As large as a note may be. */
const maxCheckpointBytes = 64 * 1024
/** A good tile has 8,192 bytes. One that is somewhat too long still comes through: whoever verifies it should see it. */
const maxTileBytes = 64 * 1024
/** 256 entries of 65,535 bytes, each after two bytes of length, and room to be seen as too long. */
export const maxBundleBytes = tileWidth * (2 + maxEntryBytes) + 1024
/** A file of a catalogue has at most 1 MiB. */
export const maxBlobBytes = 1_048_576

/** Reads a log out of static files in the layout of C2SP tlog-tiles, which an exchange, an export and a mirror share. */
export function sourceOfFiles(files: LogFiles): LogSource {
  const need = async (path: string, maxBytes: number) => {
    const bytes = await files.read(path, maxBytes)
    if (bytes === undefined) throw new SourceFailed('missing', `${files.name} has no ${path}`)
    return bytes
  }
  return {
    name: files.name,
    checkpoint: async () => (await need('checkpoint', maxCheckpointBytes)).toString('utf8'),
    async tile(level, n, width) {
      const part = await files.read(tilePath({ level, n, width }), maxTileBytes)
      if (part !== undefined) return part
      const full = await need(tilePath({ level, n, width: tileWidth }), maxTileBytes)
      return full.subarray(0, width * hashBytes)
    },
    async bundle(n, width) {
      const part = await files.read(tilePath({ level: 'entries', n, width }), maxBundleBytes)
      if (part !== undefined) return part
      return firstEntries(await need(tilePath({ level: 'entries', n, width: tileWidth }), maxBundleBytes), width)
    },
    blob: (digest) => need(`blob/${digest}`, maxBlobBytes),
    beside: (path, maxBytes) => files.read(path, maxBytes),
    close: () => files.close(),
  }
}

/** The beginning of a bundle. What is too short stays so: whoever decodes it finds out. */
function firstEntries(bundle: Buffer, count: number): Buffer {
  let end = 0
  for (let entries = 0; entries < count && end + 2 <= bundle.length; entries++) end += 2 + bundle.readUInt16BE(end)
  return bundle.subarray(0, end)
}
