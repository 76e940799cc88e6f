import { type LogSource, SourceFailed } from './log-source.ts'
import { sourceOfFiles } from './source-files.ts'
import { openZip, ZipRefused } from './zip-reading.ts'

/** Three files for 256 entries: an export of some forty million entries. */
const bounds = { maxFiles: 500_000, maxTotalBytes: 256 * 2 ** 30 }

/**
 * A log out of a zip of an export, packed with or without its folder.
 *
 * @throws {SourceFailed} `refused` for what is no such zip
 */
export async function zipSource(file: string): Promise<LogSource> {
  const failed = (error: unknown) => {
    if (!(error instanceof ZipRefused)) throw error
    throw new SourceFailed('refused', `${file} is no export: ${error.message}`)
  }
  const zip = await openZip(file, bounds).catch(failed)
  const checkpoint = zip.names.find((name) => /^([^/]+\/)?checkpoint$/.test(name))
  if (checkpoint === undefined) {
    zip.close()
    throw new SourceFailed('missing', `${file} is no export: it has no checkpoint`)
  }
  const folder = checkpoint.slice(0, -'checkpoint'.length)
  return sourceOfFiles({
    name: file,
    read: (path, maxBytes) => zip.read(`${folder}${path}`, maxBytes).catch(failed),
    close: () => Promise.resolve(zip.close()),
  })
}
