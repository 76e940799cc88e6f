import { hash } from 'node:crypto'
import { hashBytes, leafHash } from '../../log/merkle.ts'
import { receiptText } from '../../log/receipt.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { inclusionProof } from '../../log/tile-proofs.ts'
import { AuthenticTiles, NotOfThisLog } from '../authentic-tiles.ts'
import { digestsIn } from '../catalogue-files.ts'
import type { IndexedName } from '../export/index-segment.ts'
import { nameOf } from '../export/subject-index.ts'
import type { LogSource } from '../log-source.ts'
import { type CheckpointRules, openShownCheckpoint } from '../trusted-checkpoint.ts'
import type { EntryFinder, FoundBy, FoundEntry } from './entry-finder.ts'
import { type Evidence, newestFormat, type ProvedEntry } from './evidence.ts'

export interface Collect extends CheckpointRules {
  readonly source: LogSource
  readonly find: EntryFinder
  readonly subject: string
  readonly vkey: string
  readonly now: Date
}

export interface Collected {
  readonly evidence: Evidence
  readonly by: FoundBy
}

/**
 * Gathers what the log has about a subject, each entry proved against one checkpoint before it is taken. Keys and
 * catalogues are all there ever were: they are about no subject, and only all of them show which were in force.
 *
 * @throws {NotOfThisLog} for an entry, tile or file that is not the log's
 * @throws {SourceFailed}
 */
export async function collectEvidence({ source, find, subject, vkey, now, ...rules }: Collect): Promise<Collected> {
  const { note, ...checkpoint } = openShownCheckpoint(await source.checkpoint(), source.name, rules)
  const tiles = await AuthenticTiles.open(checkpoint, source.tile)
  const { by, entries } = await find([`subject:${subject}`, 'kind:key', 'kind:catalogue'], checkpoint.size)
  const inOrder = [...entries].sort((a, b) => a.index - b.index)
  const prove = async (name: IndexedName): Promise<ProvedEntry[]> => {
    // the finder may be wrong: what is not about the subject is not looked at any further
    const wanted = inOrder.filter(({ bytes }) => nameOf(bytes) === name)
    const proved: ProvedEntry[] = []
    for (const entry of wanted) proved.push(await proveEntry(entry, tiles, note))
    return proved
  }
  const events = await prove(`subject:${subject}`)
  const keys = await prove('kind:key')
  const catalogues = await prove('kind:catalogue')
  const blobs = await blobsOf(catalogues, source)
  const made = `${now.toISOString().slice(0, 19)}Z`
  return { by, evidence: { format: newestFormat, subject, vkey, checkpoint, made, events, keys, catalogues, blobs } }
}

async function proveEntry({ index, bytes }: FoundEntry, tiles: AuthenticTiles, checkpoint: string): Promise<ProvedEntry> {
  const leaves = await tiles.read(0, Math.floor(index / tileWidth))
  const place = (index % tileWidth) * hashBytes
  if (!leafHash(bytes).equals(leaves.subarray(place, place + hashBytes)))
    throw new NotOfThisLog(`entry ${index} is not the one that the log's tree has there`)
  const proof = await inclusionProof(index, tiles.size, tiles.reader)
  return { index, bytes, receipt: receiptText({ index, proof, checkpoint, extra: bytes }) }
}

async function blobsOf(catalogues: readonly ProvedEntry[], source: LogSource): Promise<ReadonlyMap<string, string>> {
  const digests = new Set(catalogues.flatMap(({ bytes }) => digestsIn(bytes)))
  const blobs = new Map<string, string>()
  for (const digest of [...digests].sort()) {
    const content = await source.blob(digest)
    if (hash('sha256', content) !== digest)
      throw new NotOfThisLog(`the catalogue file ${digest} of ${source.name} has another SHA-256`)
    blobs.set(digest, content.toString('utf8'))
  }
  return blobs
}
