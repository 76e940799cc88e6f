// Logs of many entries take minutes to make: they are kept in the system's temporary folder for the next run.
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @returns the folder of a genuine log of so many entries, with its `vkey` and the private JWK of its auditor, `auditor.jwk` */
export async function keptLog(entries) {
  const dir = join(tmpdir(), `lianban-bench-log-${entries}`)
  const made = join(dir, 'auditor.jwk')
  if (existsSync(made)) return dir
  const { madeLogModule } = await import('./made-log.mjs')
  const { makeLog } = await madeLogModule()
  // ten entries are keys, catalogues and an operation
  const { keys } = await makeLog({ events: entries - 10, dir, days: 30 })
  writeFileSync(made, JSON.stringify(keys.get('auditor').jwk), { mode: 0o600 })
  return dir
}
