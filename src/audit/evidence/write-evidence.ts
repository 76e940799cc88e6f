import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'

/** Writes a zip aside and renames it. The same contents make the same bytes. */
export async function writeZip(file: string, contents: ReadonlyMap<string, Buffer>, made: string): Promise<void> {
  const zip = new ZipFile()
  for (const [name, content] of contents) zip.addBuffer(content, name, { mtime: new Date(made), mode: 0o100644 })
  zip.end()
  const aside = `${file}.new-${process.pid}`
  try {
    await pipeline(zip.outputStream, createWriteStream(aside, { flush: true }))
    await rename(aside, file)
  } finally {
    await rm(aside, { force: true })
  }
}
