import { isJsonObject } from '../../domain/text.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { widthOf } from '../../log/tile.ts'
import { bundleEntries } from '../bundle-entries.ts'
import type { IndexedName } from '../export/index-segment.ts'
import { type Manifest, manifestName, readManifest } from '../export/manifest.ts'
import { lookUp, nameOf } from '../export/subject-index.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import type { HttpSource } from '../source-http.ts'

/** An entry that a source says is there. */
export interface FoundEntry {
  readonly index: number
  readonly bytes: Buffer
}

/** What that a source has no other entries rests on: its search, the index of a copy, or that every entry was read. */
export type FoundBy = 'search' | 'index' | 'reading'

export interface Found {
  readonly by: FoundBy
  /** those under any of the names, in any order; others may be among them */
  readonly entries: readonly FoundEntry[]
}

/**
 * Finds entries without reading a whole log. What it finds is a hint: whoever asks proves that an entry is in the log and looks what it
 * says. What it leaves out nobody notices, short of reading everything.
 *
 * @throws {SourceFailed} `refused` when the source holds a part of the log only, or its index lacks what its entries show
 * @throws {NotOfThisLog} for a bundle that is damaged
 */
export type EntryFinder = (names: readonly IndexedName[], size: number) => Promise<Found>

/** A page of an exchange's search has at most so many. */
const pageEntries = 100
/** A manifest says a handful of numbers. */
const maxManifestBytes = 64 * 1024
/** A hundred thousand entries about one subject are not evidence but an attack. */
const maxPages = 1000

/**
 * By an exchange's own search; else by the index that an export carries; where there is neither, by reading every entry.
 *
 * @param readAll whether to read every entry of a copy even where it has an index
 */
export function finderOf(source: LogSource, readAll = false): EntryFinder {
  return async (names, size) => {
    const searched = await bySearch(source, names, size)
    if (searched !== undefined) return { by: 'search', entries: searched }
    const manifest = readManifest(await source.beside?.(manifestName, maxManifestBytes))
    expectWhole(source, manifest, size)
    // without a manifest nobody says that the index covers the log
    const indexed = readAll || manifest === undefined ? undefined : await byIndex(source, names, size)
    if (indexed !== undefined) return { by: 'index', entries: indexed }
    return { by: 'reading', entries: await byReading(source, names, size) }
  }
}

function expectWhole({ name }: LogSource, manifest: Manifest | undefined, size: number): void {
  if (manifest === undefined || (manifest.from === 0 && manifest.to >= size)) return
  const { from, to } = manifest
  const held = from < to ? `entries ${from} to ${to - 1} only` : 'no entries'
  throw new SourceFailed(
    'refused',
    `${name} holds ${held}, the log has ${size}: evidence is made from all of them, so export the whole log, or ask the running exchange`,
  )
}

/** @returns undefined when it is no exchange that is asked, but a file or a mere file server */
async function bySearch(
  source: LogSource,
  names: readonly IndexedName[],
  size: number,
): Promise<readonly FoundEntry[] | undefined> {
  if (!isHttp(source)) return undefined
  try {
    return (await Promise.all(names.map((name) => search(source, name, size)))).flat()
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

async function byIndex(
  source: LogSource,
  names: readonly IndexedName[],
  size: number,
): Promise<readonly FoundEntry[] | undefined> {
  const indexes = new Set<number>()
  for (const name of names) {
    const found = await lookUp(source, name, size)
    if (found === undefined) return undefined
    for (const index of found) indexes.add(index)
  }
  // a log begins with a catalogue and a key: an index without them has lost something
  const bundles = new Set([0, ...indexes].map((index) => Math.floor(index / tileWidth)))
  const found: FoundEntry[] = []
  for (const n of [...bundles].sort((a, b) => a - b)) {
    for (const entry of await entriesOf(source, n, size)) {
      if (indexes.has(entry.index) !== isNamed(entry, names)) throw indexDamaged(source, entry.index)
      if (indexes.has(entry.index)) found.push(entry)
    }
  }
  return found
}

function indexDamaged({ name }: LogSource, index: number): SourceFailed {
  return new SourceFailed(
    'refused',
    `the index of ${name} is damaged: it is wrong about entry ${index}; read every entry with --no-index, or remove the folder index and export the log again, which makes it anew`,
  )
}

async function byReading(source: LogSource, names: readonly IndexedName[], size: number): Promise<readonly FoundEntry[]> {
  const found: FoundEntry[] = []
  for (let n = 0; n * tileWidth < size; n++)
    for (const entry of await entriesOf(source, n, size)) if (isNamed(entry, names)) found.push(entry)
  return found
}

function isNamed({ bytes }: FoundEntry, names: readonly IndexedName[]): boolean {
  const name = nameOf(bytes)
  return name !== undefined && names.includes(name)
}

async function entriesOf(source: LogSource, n: number, size: number): Promise<FoundEntry[]> {
  const width = widthOf('entries', n, size)
  const entries = bundleEntries(await source.bundle(n, width), n, width)
  return entries.map((bytes, place) => ({ index: n * tileWidth + place, bytes }))
}
