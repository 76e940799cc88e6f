import { isJsonObject } from '../../domain/text.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { decodeBundle, widthOf } from '../../log/tile.ts'
import { type IndexedName, lookUp, nameOf } from '../export/subject-index.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import type { HttpSource } from '../source-http.ts'

/** An entry that a source says is there. */
export interface FoundEntry {
  readonly index: number
  readonly bytes: Buffer
}

/**
 * Finds entries without reading a whole log. What it finds is a hint: whoever asks proves that an entry is in the log and looks what it
 * says. What it leaves out nobody notices, short of reading everything.
 */
export type EntryFinder = (name: IndexedName, size: number) => Promise<readonly FoundEntry[]>

/** A page of an exchange's search has at most so many. */
const pageEntries = 100
/** A hundred thousand entries about one subject are not evidence but an attack. */
const maxPages = 1000

/** By an exchange's own search; else by the index that an export carries; where there is neither, by reading every entry. */
export function finderOf(source: LogSource): EntryFinder {
  return async (name, size) =>
    (await bySearch(source, name, size)) ?? (await byIndex(source, name, size)) ?? (await byReading(source, name, size))
}

/** @returns undefined when it is no exchange that is asked, but a file or a mere file server */
async function bySearch(source: LogSource, name: IndexedName, size: number): Promise<readonly FoundEntry[] | undefined> {
  if (!isHttp(source)) return undefined
  try {
    return await search(source, name, size)
  } catch (error) {
    if (error instanceof SourceFailed && error.code === 'missing') return undefined
    throw error
  }
}

function isHttp(source: LogSource): source is HttpSource {
  return 'json' in source
}

async function search(source: HttpSource, name: IndexedName, size: number): Promise<readonly FoundEntry[]> {
  const [by, ...rest] = name.split(':')
  const query = `${by}=${encodeURIComponent(rest.join(':'))}&limit=${pageEntries}`
  const found: FoundEntry[] = []
  let after = ''
  for (let page = 0; page < maxPages; page++) {
    const { entries, next } = await source.json(`/v1/log/entries?${query}${after}`)
    if (!Array.isArray(entries)) throw new SourceFailed('refused', `${source.name}: its search answers without entries`)
    for (const item of entries) {
      if (!isJsonObject(item) || typeof item.index !== 'number' || typeof item.entry !== 'string')
        throw new SourceFailed('refused', `${source.name}: its search answers with what is no entry`)
      found.push({ index: item.index, bytes: Buffer.from(item.entry) })
    }
    if (typeof next !== 'string') return found.filter(({ index }) => index < size)
    after = `&after=${encodeURIComponent(next)}`
  }
  throw new SourceFailed('refused', `${source.name}: its search has no end`)
}

async function byIndex(source: LogSource, name: IndexedName, size: number): Promise<readonly FoundEntry[] | undefined> {
  const indexes = await lookUp(source, name, size)
  return indexes === undefined ? undefined : entriesAt(source, indexes, size)
}

async function byReading(source: LogSource, name: IndexedName, size: number): Promise<readonly FoundEntry[]> {
  const found: FoundEntry[] = []
  for (let n = 0; n * tileWidth < size; n++) {
    const width = widthOf('entries', n, size)
    for (const [place, bytes] of decodeBundle(await source.bundle(n, width), width).entries())
      if (nameOf(bytes) === name) found.push({ index: n * tileWidth + place, bytes })
  }
  return found
}

async function entriesAt(source: LogSource, indexes: readonly number[], size: number): Promise<FoundEntry[]> {
  const bundles = new Map<number, Buffer[]>()
  const found: FoundEntry[] = []
  for (const index of indexes) {
    const n = Math.floor(index / tileWidth)
    const width = widthOf('entries', n, size)
    const entries = bundles.get(n) ?? decodeBundle(await source.bundle(n, width), width)
    // indexes are in order: no bundle is asked for again once another was
    bundles.clear()
    bundles.set(n, entries)
    const bytes = entries[index % tileWidth]
    if (bytes !== undefined) found.push({ index, bytes })
  }
  return found
}
