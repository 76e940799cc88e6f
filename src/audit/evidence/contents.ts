import { hash } from 'node:crypto'
import type { Evidence, ProvedEntry } from './evidence.ts'
import type { History } from './history.ts'
import { historyHtml } from './history-html.ts'
import { type EntryFolder, entryFile, receiptFile } from './names.ts'
import { verifyMd } from './verify-md.ts'

export const evidenceFormat = 'lianban-evidence@1'
export const evidenceManifest = 'manifest.json'

/**
 * Every file of an evidence file by name. Nothing in them but what follows from the evidence: so whoever checks one makes them again
 * from its proved entries, and compares.
 */
export function contentsOf(evidence: Evidence, history: History): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  const add = (folder: EntryFolder, entries: readonly ProvedEntry[]) => {
    for (const { index, bytes, receipt } of entries) {
      files.set(entryFile(folder, index), bytes)
      files.set(receiptFile(folder, index), Buffer.from(receipt))
    }
  }
  add('events', evidence.events)
  add('keys', evidence.keys)
  add('catalogues', evidence.catalogues)
  for (const { index, pem } of history.keys) files.set(entryFile('keys', index).replace(/entry$/, 'pem'), Buffer.from(pem))
  for (const [digest, content] of evidence.blobs) files.set(`blobs/${digest}`, Buffer.from(content))
  files.set('history.html', Buffer.from(historyHtml(evidence, history)))
  files.set('VERIFY.md', Buffer.from(verifyMd(evidence, history)))
  files.set(evidenceManifest, Buffer.from(manifestOf(evidence)))
  files.set('SHA256SUMS', Buffer.from(sumsOf(files)))
  return files
}

function manifestOf({ subject, vkey, checkpoint, made, events, keys, catalogues }: Evidence): string {
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

function sumsOf(files: ReadonlyMap<string, Buffer>): string {
  return [...files].map(([name, content]) => `${hash('sha256', content)}  ${name}\n`).join('')
}
