import { hash } from 'node:crypto'
import type { Evidence, EvidenceFormat, ProvedEntry } from './evidence.ts'
import type { History } from './history.ts'
import { historyHtml } from './history-html.ts'
import { evidenceManifest, evidenceManifestText } from './manifest.ts'
import { type EntryFolder, entryFile, receiptFile } from './names.ts'
import { verifyMd, verifyMd2 } from './verify-md.ts'

/** What evidence comes to, file by file. */
type Edition = (evidence: Evidence, history: History) => ReadonlyMap<string, Buffer>

/**
 * Evidence is checked by making it again, and a court may hold a file for years: what an edition makes does not change any more, not by
 * a byte. Another word, page or command is another edition, with modules of its own beside those of the ones before.
 */
const editions: Readonly<Record<EvidenceFormat, Edition>> = {
  'lianban-evidence@1': (evidence, history) => filesOf(evidence, history, verifyMd(evidence)),
  'lianban-evidence@2': (evidence, history) => filesOf(evidence, history, verifyMd2(evidence)),
}

/**
 * Every file of an evidence file by name. Nothing in them but what follows from the evidence: so whoever checks one makes them again
 * from its proved entries, and compares.
 */
export function contentsOf(evidence: Evidence, history: History): ReadonlyMap<string, Buffer> {
  return editions[evidence.format](evidence, history)
}

function filesOf(evidence: Evidence, history: History, page: string): ReadonlyMap<string, Buffer> {
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
  files.set('VERIFY.md', Buffer.from(page))
  files.set(evidenceManifest, Buffer.from(evidenceManifestText(evidence)))
  files.set('SHA256SUMS', Buffer.from(sumsOf(files)))
  return files
}

function sumsOf(files: ReadonlyMap<string, Buffer>): string {
  return [...files].map(([name, content]) => `${hash('sha256', content)}  ${name}\n`).join('')
}
