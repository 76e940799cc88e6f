import { hash } from 'node:crypto'

// DIR/index/subjects/<segment>: where in a log to look for a subject, a file for each 65,536 entries. Records of 16 bytes
// sorted by their bytes: the first 8 of SHA-256 over what is looked for, then the entry's index as a big-endian 64-bit
// number. It is a hint and no more: whoever finds an entry by it looks what the entry says.

/** Entries that one file of the index covers. */
export const segmentEntries = 65_536
export const recordBytes = 16
export const nameBytes = 8
export const maxSegmentBytes = segmentEntries * recordBytes

/** What entries are found by. */
export type IndexedName = `subject:${string}` | 'kind:key' | 'kind:catalogue'

/** A file of the index is not in the form that it has. */
export class SegmentDamaged extends Error {
  override readonly name = 'SegmentDamaged'
}

/** The segment that covers an entry. */
export const segmentOf = (index: number) => Math.floor(index / segmentEntries)

/** The first entry of the segment that covers another. */
export const segmentStart = (index: number) => segmentOf(index) * segmentEntries

export function segmentPath(segment: number): string {
  return `index/subjects/${String(segment).padStart(6, '0')}`
}

/** What stands for a name in a record, in hex. */
export function nameHash(name: IndexedName): string {
  return hash('sha256', name, 'hex').slice(0, 2 * nameBytes)
}

/** The entry's index in the record that begins at a place. */
export function indexAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + nameBytes) * 2 ** 32 + bytes.readUInt32BE(at + nameBytes + 4)
}

/**
 * What a segment says of each entry that it covers, in their order.
 *
 * @returns {@link nameBytes} for each of {@link segmentEntries}; zeros where an entry is found under nothing
 * @throws {SegmentDamaged} in a sentence
 */
export function namesByEntry(bytes: Buffer, segment: number): Buffer {
  if (bytes.length % recordBytes !== 0)
    throw new SegmentDamaged(`its ${bytes.length} bytes are no whole records of ${recordBytes}`)
  const names = Buffer.alloc(segmentEntries * nameBytes)
  const taken = new Uint8Array(segmentEntries)
  for (let at = 0; at < bytes.length; at += recordBytes) {
    if (at > 0 && bytes.compare(bytes, at, at + recordBytes, at - recordBytes, at) >= 0)
      throw new SegmentDamaged(`its record ${at / recordBytes} is not sorted`)
    const index = indexAt(bytes, at)
    const place = index - segment * segmentEntries
    if (place < 0 || place >= segmentEntries)
      throw new SegmentDamaged(`it says something of entry ${index}, which it does not cover`)
    if (taken[place] !== 0) throw new SegmentDamaged(`it has two records of entry ${index}`)
    taken[place] = 1
    bytes.copy(names, place * nameBytes, at, at + nameBytes)
  }
  return names
}
