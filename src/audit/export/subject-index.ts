import { join } from 'node:path'
import { isJsonObject } from '../../domain/text.ts'
import type { LogSource } from '../log-source.ts'
import { readBounded } from '../source-folder.ts'
import {
  type IndexedName,
  indexAt,
  maxSegmentBytes,
  nameBytes,
  nameHash,
  recordBytes,
  segmentEntries,
  segmentPath,
} from './index-segment.ts'
import type { WrittenAside } from './written-aside.ts'

export interface IndexRecord {
  readonly name: IndexedName
  readonly index: number
}

/**
 * Under what an entry is found.
 *
 * @param entry bytes as logged; what can't be read is found under nothing, and is for a verifier to judge
 */
export function nameOf(entry: Buffer): IndexedName | undefined {
  const parsed = jsonOf(entry)
  if (!isJsonObject(parsed)) return undefined
  const { kind, jws } = parsed
  if (kind === 'key' || kind === 'catalogue') return `kind:${kind}`
  if (kind !== 'event' || typeof jws !== 'string') return undefined
  const event = jsonOf(Buffer.from(jws.split('.', 2)[1] ?? '', 'base64url'))
  return isJsonObject(event) && typeof event.subject === 'string' ? `subject:${event.subject}` : undefined
}

/**
 * Writes a segment.
 *
 * @param kept what it said before of entries that `records` are not about
 */
export async function writeSegment(
  files: WrittenAside,
  segment: number,
  kept: readonly Buffer[],
  records: readonly IndexRecord[],
): Promise<void> {
  await files.write(segmentPath(segment), Buffer.concat([...kept, ...records.map(encode)].sort(Buffer.compare)))
}

/** What a segment of a folder says of entries before an index. */
export async function recordsBefore(folder: string, segment: number, index: number): Promise<readonly Buffer[]> {
  const records = recordsOf(await readBounded(join(folder, segmentPath(segment)), maxSegmentBytes))
  return records.filter((record) => indexAt(record, 0) < index)
}

/** Entries that are said to be about a name, in index order; undefined when a part of the index is not there. */
export async function lookUp({ beside }: LogSource, name: IndexedName, to: number): Promise<readonly number[] | undefined> {
  const wanted = Buffer.from(nameHash(name), 'hex')
  const found: number[] = []
  for (let segment = 0; segment * segmentEntries < to; segment++) {
    const bytes = await beside?.(segmentPath(segment), maxSegmentBytes)
    if (bytes === undefined) return undefined
    found.push(...indexesOf(bytes, wanted))
  }
  return found.filter((index) => index < to)
}

function indexesOf(bytes: Buffer, wanted: Buffer): number[] {
  const count = Math.floor(bytes.length / recordBytes)
  const compareAt = (place: number) => bytes.compare(wanted, 0, nameBytes, place * recordBytes, place * recordBytes + nameBytes)
  let low = 0
  let high = count
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (compareAt(middle) < 0) low = middle + 1
    else high = middle
  }
  const found: number[] = []
  for (let place = low; place < count && compareAt(place) === 0; place++) found.push(indexAt(bytes, place * recordBytes))
  return found
}

function recordsOf(bytes: Buffer | undefined): Buffer[] {
  if (bytes === undefined) return []
  return Array.from({ length: Math.floor(bytes.length / recordBytes) }, (_, place) =>
    bytes.subarray(place * recordBytes, (place + 1) * recordBytes),
  )
}

function encode({ name, index }: IndexRecord): Buffer {
  const record = Buffer.alloc(recordBytes)
  record.write(nameHash(name), 'hex')
  record.writeBigUInt64BE(BigInt(index), nameBytes)
  return record
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
