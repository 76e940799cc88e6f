import { stat } from 'node:fs/promises'
import { type Entry, openPromise } from 'yauzl'
import { readStream } from './bounded-stream.ts'
import { SourceFailed } from './log-source.ts'

/** A zip that is not what it should be, in a sentence. */
export class ZipRefused extends Error {
  override readonly name = 'ZipRefused'
}

export interface ZipBounds {
  readonly maxFiles: number
  /** of all files together, unpacked */
  readonly maxTotalBytes: number
}

/** Files of a zip by name; read when asked for. */
export interface OpenedZip {
  readonly names: readonly string[]
  /**
   * @returns undefined when there is no such file
   * @throws {ZipRefused} when it is larger than `maxBytes`, or damaged
   * @throws {SourceFailed} when the disk fails
   */
  read(name: string, maxBytes: number): Promise<Buffer | undefined>
  close(): void
}

/** Nothing is ever unpacked to a disk, but a reader may do that with the same file. */
const goodName = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const longestName = 200

/**
 * Opens a zip that somebody else made. Names that lead out of a folder, names twice, too many files and more than they
 * may unpack to are refused before any file of it is read.
 *
 * @throws {ZipRefused}
 * @throws {SourceFailed} for what is no file, or can't be read: nothing is known of its contents then
 */
export async function openZip(file: string, { maxFiles, maxTotalBytes }: ZipBounds): Promise<OpenedZip> {
  await expectFile(file)
  const refused = (error: unknown) => refusalOf(error, file)
  const zip = await openPromise(file, { autoClose: false, strictFileNames: true }).catch((error: unknown) => {
    throw refused(error)
  })
  const entries = new Map<string, Entry>()
  let total = 0
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName, uncompressedSize } = entry
      if (entries.size >= maxFiles) throw new ZipRefused(`it has more than ${maxFiles} files`)
      if (fileName.endsWith('/')) continue
      if (!goodName.test(fileName) || fileName.length > longestName)
        throw new ZipRefused(`it has a file with the name ${JSON.stringify(fileName.slice(0, longestName))}`)
      if (entries.has(fileName)) throw new ZipRefused(`it has two files with the name ${fileName}`)
      if (!entry.canDecodeFileData()) throw new ZipRefused(`${fileName} is encrypted, or packed in an unknown way`)
      total += uncompressedSize
      if (total > maxTotalBytes) throw new ZipRefused(`it unpacks to more than ${maxTotalBytes} bytes`)
      entries.set(fileName, entry)
    }
  } catch (error) {
    zip.close()
    throw refused(error)
  }
  return {
    names: [...entries.keys()],
    async read(name, maxBytes) {
      const entry = entries.get(name)
      if (entry === undefined) return undefined
      if (entry.uncompressedSize > maxBytes)
        throw new ZipRefused(`${name} has ${entry.uncompressedSize} bytes, ${maxBytes} at most are expected`)
      try {
        const bytes = await readStream(await zip.openReadStreamPromise(entry), maxBytes)
        if (bytes === undefined) throw new ZipRefused(`${name} has more bytes than it says`)
        return bytes
      } catch (error) {
        throw refused(error)
      }
    },
    close: () => zip.close(),
  }
}

/** @throws {SourceFailed} also for a pipe: to open one would wait for somebody to write into it */
async function expectFile(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    throw refusalOf(error, file)
  })
  if (!found.isFile()) throw new SourceFailed('refused', `${file} is no file; name the zip itself`)
}

/** The disk's failures name the system call; zlib's and those of the format are about the contents. */
function refusalOf(error: unknown, file: string): ZipRefused | SourceFailed {
  if (error instanceof ZipRefused) return error
  if (!(error instanceof Error)) return new ZipRefused(String(error))
  if (!('syscall' in error)) return new ZipRefused(error.message)
  if ('code' in error && error.code === 'ENOENT') return new SourceFailed('missing', `there is no file ${file}`)
  return new SourceFailed('refused', `${file} can't be read: ${error.message}`)
}
