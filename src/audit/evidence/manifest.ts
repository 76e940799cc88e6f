import { isJsonObject } from '../../domain/text.ts'
import type { OpenedZip } from '../zip-reading.ts'
import {
  type Evidence,
  type EvidenceFormat,
  EvidenceNewer,
  EvidenceRefused,
  evidenceFormats,
  type ProvedEntry,
} from './evidence.ts'

export const evidenceManifest = 'manifest.json'
const maxManifestBytes = 1_048_576

/** What evidence says of itself, for people and programs. */
export function evidenceManifestText({ format, subject, vkey, checkpoint, made, events, keys, catalogues }: Evidence): string {
  const { origin, size, root } = checkpoint
  const indexes = (entries: readonly ProvedEntry[]) => entries.map(({ index }) => index)
  const manifest = {
    format,
    subject,
    origin,
    vkey,
    checkpoint: { size, root: root.toString('base64') },
    made,
    events: indexes(events),
    keys: indexes(keys),
    catalogues: indexes(catalogues),
    proves: 'these events are in the log; who signed each, with which key, under which rules',
    provesNot: 'that there are no other events about the subject; refused requests name no subject and are left out',
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/**
 * What can't be told from the proved entries: whom they are about, when this was made, and in which edition.
 *
 * @throws {EvidenceRefused}, {EvidenceNewer}
 */
export async function readEvidenceManifest(zip: OpenedZip): Promise<Pick<Evidence, 'format' | 'subject' | 'made'>> {
  const bytes = await zip.read(evidenceManifest, maxManifestBytes)
  if (bytes === undefined) throw new EvidenceRefused([`it has no ${evidenceManifest}`])
  const value = parsed(bytes)
  const format = formatOf(isJsonObject(value) ? value.format : undefined)
  if (!isJsonObject(value) || format === undefined)
    throw new EvidenceRefused([`its ${evidenceManifest} is not of the format ${evidenceFormats.join(' or ')}`])
  const { subject, made } = value
  if (typeof subject !== 'string' || typeof made !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(made))
    throw new EvidenceRefused([`its ${evidenceManifest} does not say what it is about and when it was made`])
  return { format, subject, made }
}

/** @throws {EvidenceNewer} */
function formatOf(value: unknown): EvidenceFormat | undefined {
  const known = evidenceFormats.find((format) => format === value)
  if (known !== undefined || typeof value !== 'string') return known
  const [, edition] = /^lianban-evidence@(\d{1,6})$/.exec(value) ?? []
  if (edition === undefined || Number(edition) <= evidenceFormats.length) return undefined
  throw new EvidenceNewer(
    `the evidence is of the format ${value}, which is newer than this version of lianban: check it with a newer version`,
  )
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // said by whoever asks
    return undefined
  }
}
