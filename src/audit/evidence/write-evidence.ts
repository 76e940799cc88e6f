import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { EvidenceNotWritten } from './evidence.ts'

/**
 * Writes a zip aside and renames it. The same contents make the same bytes.
 *
 * @throws {EvidenceNotWritten}
 */
export async function writeZip(file: string, contents: ReadonlyMap<string, Buffer>, made: string): Promise<void> {
  const zip = new ZipFile()
  for (const [name, content] of contents) zip.addBuffer(content, name, { mtime: new Date(made), mode: 0o100644 })
  zip.end()
  const aside = `${file}.new-${process.pid}`
  try {
    await pipeline(zip.outputStream, createWriteStream(aside, { flush: true }))
    await rename(aside, file)
  } catch (error) {
    throw new EvidenceNotWritten(`${file} can't be written: ${reasonOf(error)}; name a file in a folder that exists with --out`)
  } finally {
    await rm(aside, { force: true })
  }
}

/** Without the path, which is that of the file aside. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EISDIR') return 'it is a folder'
  return error.message.split(',', 1)[0] ?? ''
}
