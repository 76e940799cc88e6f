import { maxEntryBytes } from './entry.ts'
import { tileWidth } from './right-edge.ts'

/** One hash of the next level would cover 256^7 entries, and indexes end at 2^53. */
const maxLevel = 6

/** A tile, or with level `entries` the bundle of entries beside a level-0 tile. */
export interface TileAddress {
  readonly level: number | 'entries'
  readonly n: number
  /** hashes or entries in it: 256, or fewer in a partial one */
  readonly width: number
}

/** `tile/0/x001/234.p/5` and its like, below the log's prefix. */
export function tilePath({ level, n, width }: TileAddress): string {
  return `tile/${level}/${groupsOf(n)}${width === tileWidth ? '' : `.p/${width}`}`
}

/** @returns undefined for anything but the one spelling that {@link tilePath} writes */
export function parseTilePath(path: string): TileAddress | undefined {
  const match = /^tile\/(entries|[0-9])\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path)
  const [, levelText, groups = '', widthText] = match ?? []
  if (levelText === undefined) return undefined
  const level = levelText === 'entries' ? levelText : Number(levelText)
  const n = Number(groups.replaceAll(/[x/]/g, ''))
  const width = widthText === undefined ? tileWidth : Number(widthText)
  if (!Number.isSafeInteger(n) || (widthText !== undefined && width >= tileWidth)) return undefined
  if (level !== 'entries' && level > maxLevel) return undefined
  return groupsOf(n) === groups ? { level, n, width } : undefined
}

/** Hashes that tile (level, n) has in a tree of this size, 0 to 256. */
export function widthOf(level: number | 'entries', n: number, size: number): number {
  const hashes = Math.floor(size / tileWidth ** (level === 'entries' ? 0 : level))
  return Math.min(tileWidth, Math.max(0, hashes - n * tileWidth))
}

/** Every tile of a tree, full ones and one partial one per level where there is one; lower levels first. */
export function* tilesOf(size: number): Generator<{ level: number; n: number; width: number }> {
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / tileWidth)) {
    for (let n = 0; n * tileWidth < hashes; n++) yield { level, n, width: Math.min(tileWidth, hashes - n * tileWidth) }
  }
}

/** Entries one after another, each after its length as a big-endian 16-bit number. */
export function encodeBundle(entries: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    const bytes = typeof entry === 'string' ? Buffer.from(entry) : entry
    if (bytes.length > maxEntryBytes) throw new Error(`an entry of ${bytes.length} bytes does not fit a bundle`)
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(bytes.length)
    parts.push(length, bytes)
  }
  return Buffer.concat(parts)
}

/**
 * @param width entries the bundle must hold
 * @throws {Error} when it holds fewer, or anything after the last one
 */
export function decodeBundle(bundle: Buffer, width: number): Buffer[] {
  const entries: Buffer[] = []
  let at = 0
  while (entries.length < width) {
    if (at + 2 > bundle.length) throw new Error(`the bundle ends after ${entries.length} of ${width} entries`)
    const end = at + 2 + bundle.readUInt16BE(at)
    if (end > bundle.length) throw new Error(`entry ${entries.length} of the bundle is cut off`)
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  if (at !== bundle.length) throw new Error(`${bundle.length - at} bytes follow the last of ${width} entries`)
  return entries
}

function groupsOf(n: number): string {
  const digits = String(n)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  return groups.map((group, place) => (place === groups.length - 1 ? group : `x${group}`)).join('/')
}
