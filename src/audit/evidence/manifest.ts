import { isJsonObject } from '../../domain/text.ts'
import type { OpenedZip } from '../zip-reading.ts'
import { type Evidence, EvidenceRefused, type ProvedEntry } from './evidence.ts'

const evidenceFormat = 'lianban-evidence@1'
export const evidenceManifest = 'manifest.json'
const maxManifestBytes = 1_048_576

/** What evidence says of itself, for people and programs. */
export function evidenceManifestText({ subject, vkey, checkpoint, made, events, keys, catalogues }: Evidence): string {
  const { origin, size, root } = checkpoint
  const indexes = (entries: readonly ProvedEntry[]) => entries.map(({ index }) => index)
  const manifest = {
    format: evidenceFormat,
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
 * What can't be told from the proved entries: whom they are about, and when this was made.
 *
 * @throws {EvidenceRefused}
 */
export async function readEvidenceManifest(zip: OpenedZip): Promise<{ subject: string; made: string }> {
  const bytes = await zip.read(evidenceManifest, maxManifestBytes)
  if (bytes === undefined) throw new EvidenceRefused([`it has no ${evidenceManifest}`])
  const value = parsed(bytes)
  if (!isJsonObject(value) || value.format !== evidenceFormat)
    throw new EvidenceRefused([`its ${evidenceManifest} is not of the format ${evidenceFormat}`])
  const { subject, made } = value
  if (typeof subject !== 'string' || typeof made !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(made))
    throw new EvidenceRefused([`its ${evidenceManifest} does not say what it is about and when it was made`])
  return { subject, made }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // said by whoever asks
    return undefined
  }
}
