import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderSource } from '../../src/audit/source-folder.ts'
import type { VerifyOptions } from '../../src/audit/verify/options.ts'
import type { AuditReport } from '../../src/audit/verify/report.ts'
import { verifyLog } from '../../src/audit/verify/verify.ts'
import { parseVkey } from '../../src/log/note.ts'
import { LogWriter } from '../support/log-writer.ts'
import type { MadeLog } from '../support/made-log.ts'

/** Writes these entries as a log that is right in every hash and signature: what whoever holds the log's key can do. */
export async function rewritten(
  log: MadeLog,
  entries: readonly (string | Uint8Array)[],
  blobs: ReadonlyMap<string, string> = new Map(),
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lianban-altered-'))
  const writer = new LogWriter(dir, log.logKey)
  for (const [digest, content] of [...log.blobs, ...blobs]) await writer.blob(digest, content)
  for (const entry of entries) await writer.append(entry)
  await writer.close()
  return dir
}

export function verified(log: MadeLog, dir: string, options: Partial<VerifyOptions> = {}): Promise<AuditReport> {
  return verifyLog(folderSource(dir), { log: parseVkey(log.vkey), vkey: log.vkey, workers: 0, ...options })
}

/** A change of one entry's fields, written as entries are. */
export function withFields(entry: string, fields: object): string {
  return JSON.stringify({ ...JSON.parse(entry), ...fields })
}
