import type { ZipBounds } from '../zip-reading.ts'
import { EvidenceNotWritten } from './evidence.ts'

/** What evidence may unpack to: some ten thousand entries with their receipts, a thousand of the largest kind. */
export const evidenceBounds: ZipBounds = { maxFiles: 20_000, maxTotalBytes: 512 * 2 ** 20 }

/**
 * Nobody should be handed a file that whoever checks it refuses to unpack.
 *
 * @throws {EvidenceNotWritten}
 */
export function expectWithinBounds(contents: ReadonlyMap<string, Buffer>, { maxFiles, maxTotalBytes } = evidenceBounds): void {
  const totalBytes = [...contents.values()].reduce((sum, { length }) => sum + length, 0)
  if (contents.size <= maxFiles && totalBytes <= maxTotalBytes) return
  throw new EvidenceNotWritten(
    `the evidence would have ${contents.size} files of ${totalBytes} bytes in all, and --check takes at most ${maxFiles} and ${maxTotalBytes}: ` +
      'hand over an export of the log instead',
  )
}
