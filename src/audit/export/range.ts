import { tileWidth } from '../../log/right-edge.ts'
import { ExportUnusable } from './kept-export.ts'

/** Entries whose bytes an export will hold: `from` inclusive, `to` exclusive. */
export interface Range {
  readonly from: number
  readonly to: number
  /** the first entry that is not here yet, rounded down to its bundle */
  readonly next: number
}

/**
 * Decides what an export holds. Bundles are copied whole, since a client of static files knows no others: `from` is rounded down
 * and `to` up to a multiple of 256, or to the end of the log. What is held has no gaps, so that a second export only ever adds at
 * the end.
 *
 * @param kept what the folder holds already
 * @throws {ExportUnusable} for what is beyond the log, or would leave a gap
 */
export function rangeOf(
  asked: { from?: number | undefined; to?: number | undefined },
  size: number,
  kept?: { from: number; to: number },
): Range {
  const from = bundleStart(asked.from ?? kept?.from ?? 0)
  const to = asked.to ?? size
  if (to > size) throw new ExportUnusable(`--to ${to} is beyond the log, which has ${size} entries`)
  const held = kept !== undefined && kept.to > kept.from ? kept : undefined
  expectSome(asked, size, held)
  if (held === undefined) return { from, to: bundleEnd(to, size), next: from }
  if (from < held.from)
    throw new ExportUnusable(`the folder holds entries from ${held.from} on; export what lies before into another folder`)
  if (from > held.to)
    throw new ExportUnusable(
      `the folder holds entries ${held.from} to ${held.to - 1}; from ${from} on there would be a gap: say --from ${held.to}, or nothing`,
    )
  return { from: held.from, to: bundleEnd(Math.max(to, held.to), size), next: bundleStart(held.to) }
}

/** What was asked for has an entry, of a log that has any; nothing new is no mistake where there are some already. */
function expectSome(
  { from, to }: { from?: number | undefined; to?: number | undefined },
  size: number,
  held: { from: number } | undefined,
): void {
  if (to !== undefined && (from ?? held?.from ?? 0) >= to)
    throw new ExportUnusable(`--from ${from ?? held?.from ?? 0} is not below --to ${to}, so there is no entry to copy`)
  if (from !== undefined && held === undefined && from >= Math.max(size, 1))
    throw new ExportUnusable(`--from ${from} is beyond the log, which has ${size} entries`)
}

const bundleStart = (index: number) => Math.floor(index / tileWidth) * tileWidth
const bundleEnd = (index: number, size: number) => Math.min(size, Math.ceil(index / tileWidth) * tileWidth)
