import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Cosignature } from '../../log/cosignature.ts'
import type { NoteVerifier } from '../../log/note.ts'
import { parseReceipt } from '../../log/receipt.ts'
import type { SeenCheckpoint } from '../contradiction.ts'
import { SourceFailed } from '../log-source.ts'
import { proveReceipt } from '../receipt.ts'
import { type CheckpointRules, openTrustedCheckpoint } from '../trusted-checkpoint.ts'
import { type OpenedZip, openZip, ZipRefused } from '../zip-reading.ts'
import { evidenceBounds } from './bounds.ts'
import { contentsOf } from './contents.ts'
import { type Evidence, EvidenceRefused, type ProvedEntry } from './evidence.ts'
import type { History } from './history.ts'
import { readEvidenceManifest } from './manifest.ts'
import { type EntryFolder, folderOfReceipt } from './names.ts'
import { readHistory } from './read-history.ts'

const maxReceiptBytes = 256 * 1024
const maxBlobBytes = 1_048_576
/** `history.html`, `VERIFY.md`, `SHA256SUMS`. */
const maxPageBytes = 256 * 2 ** 20

/** Whom an auditor trusts. */
export interface EvidenceRules extends CheckpointRules {
  /** thumbprint of the first operator's key, where the auditor was told it */
  readonly operator?: string | undefined
}

export interface Checked {
  readonly evidence: Evidence
  /** of the auditor's witnesses */
  readonly cosignatures: readonly Cosignature[]
  readonly history: History
}

/**
 * Proves evidence with nothing but the log's public key, and the witnesses' where any are named: every receipt, every signature,
 * authority, rules and legal order; and that the pages for people say what the proved entries say, since they are made again and compared.
 *
 * @throws {EvidenceRefused} with everything that is wrong
 * @throws {EvidenceNewer}
 * @throws {SourceFailed} when there is no such file, or it is no zip
 */
export async function checkEvidence(file: string, rules: EvidenceRules, vkey: string): Promise<Checked> {
  try {
    const zip = await openZip(file, evidenceBounds)
    try {
      return await check(zip, rules, vkey)
    } finally {
      zip.close()
    }
  } catch (error) {
    if (!(error instanceof ZipRefused)) throw error
    if (!(await beginsAsZip(file)))
      throw new SourceFailed('refused', `${file} is no zip and so no evidence; nothing could be checked`)
    throw new EvidenceRefused([error.message])
  }
}

/** Of what does not, nobody says that it is evidence. */
async function beginsAsZip(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer.toString('latin1') === 'PK'
  } finally {
    await handle.close()
  }
}

async function check(zip: OpenedZip, rules: EvidenceRules, vkey: string): Promise<Checked> {
  const { evidence, cosignatures } = await readEvidence(zip, rules, vkey)
  const history = await readHistory(evidence, rules.operator)
  if (history.faults.length > 0) throw new EvidenceRefused(history.faults)
  const faults = await differences(zip, contentsOf(evidence, history))
  if (faults.length > 0) throw new EvidenceRefused(faults)
  return { evidence, cosignatures, history }
}

async function readEvidence(zip: OpenedZip, rules: CheckpointRules, vkey: string): Promise<Omit<Checked, 'history'>> {
  const { format, subject, made } = await readEvidenceManifest(zip)
  const proved: Record<EntryFolder, ProvedEntry[]> = { events: [], keys: [], catalogues: [] }
  const faults: string[] = []
  let against: SeenCheckpoint | undefined
  for (const name of [...zip.names].sort()) {
    const folder = folderOfReceipt(name)
    if (folder === undefined) continue
    try {
      const { entry, checkpoint } = proveOne((await zip.read(name, maxReceiptBytes)) ?? Buffer.alloc(0), rules.log)
      against ??= checkpoint
      if (against.note !== checkpoint.note) faults.push(`${name}: its checkpoint is not that of the other receipts`)
      proved[folder].push(entry)
    } catch (error) {
      if (error instanceof ZipRefused) throw error
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (proved.events.length === 0) faults.push('it proves no event')
  const blobs = await readBlobs(zip, faults)
  const cosignatures = against === undefined ? [] : cosignaturesOn(against.note, rules, faults)
  if (faults.length > 0 || against === undefined) throw new EvidenceRefused(faults)
  const byIndex = (a: ProvedEntry, b: ProvedEntry) => a.index - b.index
  for (const entries of Object.values(proved)) entries.sort(byIndex)
  const { origin, size, root } = against
  const evidence = { format, subject, vkey, made, checkpoint: { origin, size, root }, ...proved, blobs }
  return { evidence, cosignatures }
}

/** Asked once, since all receipts have one checkpoint. */
function cosignaturesOn(note: string, rules: CheckpointRules, faults: string[]): readonly Cosignature[] {
  try {
    return openTrustedCheckpoint(note, rules).cosignatures
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
    return []
  }
}

function proveOne(bytes: Buffer, log: NoteVerifier) {
  const receipt = bytes.toString('utf8')
  const { extra } = parseReceipt(receipt)
  if (extra === undefined) throw new Error('the receipt carries no entry')
  const { index, checkpoint } = proveReceipt(receipt, extra, { log })
  return { entry: { index, bytes: extra, receipt }, checkpoint }
}

async function readBlobs(zip: OpenedZip, faults: string[]): Promise<ReadonlyMap<string, string>> {
  const blobs = new Map<string, string>()
  for (const name of [...zip.names].sort()) {
    if (!name.startsWith('blobs/')) continue
    const content = (await zip.read(name, maxBlobBytes)) ?? Buffer.alloc(0)
    const digest = name.slice('blobs/'.length)
    if (hash('sha256', content) === digest) blobs.set(digest, content.toString('utf8'))
    else faults.push(`${name}: its SHA-256 is another one`)
  }
  return blobs
}

/** What is in the zip and does not follow from its proved entries, or is missing. */
async function differences(zip: OpenedZip, expected: ReadonlyMap<string, Buffer>): Promise<string[]> {
  const faults: string[] = []
  for (const name of zip.names) if (!expected.has(name)) faults.push(`${name}: nothing that was proved says that it belongs here`)
  for (const [name, content] of expected) {
    const found = await zip.read(name, maxPageBytes)
    if (found === undefined) faults.push(`${name}: it is missing`)
    else if (!found.equals(content)) faults.push(`${name}: it does not say what the proved entries say`)
  }
  return faults
}
