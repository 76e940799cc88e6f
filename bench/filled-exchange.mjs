// A gateway on a Postgres of its own that holds the entries of a made log, as the log's own append leaves them.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { folderSource } from '../dist/audit/source-folder.js'
import { connect } from '../dist/database/connect.js'
import { startEmbeddedPostgres } from '../dist/database/embedded/start.js'
import { migrateLog } from '../dist/database/migrate.js'
import { loadOrMakeLogKey } from '../dist/log/log-key.js'
import { emptyEdge } from '../dist/log/right-edge.js'
import { decodeBundle } from '../dist/log/tile.js'
import { writeBack } from '../dist/recovery/write-back.js'
import { freePort } from './exchange-process.mjs'

const origin = 'localhost/lianban'

/**
 * Kept like the log that it is filled with; nothing consumes its events, so that nothing else runs while it is measured.
 *
 * @param dir of a made log
 */
export async function startFilledExchange(dir, entries) {
  const dataDir = join(tmpdir(), `lianban-bench-exchange-${entries}`)
  const filled = join(dataDir, 'filled')
  if (!existsSync(filled)) rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir, { recursive: true })
  chmodSync(dataDir, 0o755)
  const log = { info: () => undefined, error: (message) => console.error(message) }
  const postgres = await startEmbeddedPostgres({ dataDir, log })
  const keyFile = join(dataDir, 'log.key')
  const key = await loadOrMakeLogKey(keyFile, origin)
  if (!existsSync(filled)) {
    await fill(postgres.url, dir, key)
    writeFileSync(filled, '')
  }
  const vkeyFile = join(dataDir, 'bench.vkey')
  writeFileSync(vkeyFile, `${key.vkey}\n`)
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'dist', 'main.js'), 'gateway'], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      DATABASE_URL: postgres.url,
      DATA_DIR: join(dataDir, 'gateway'),
      LOG_KEY_FILE: keyFile,
      LOG_ORIGIN: origin,
      PORT: String(port),
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    await postgres.stop()
  }
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    if (
      await fetch(`${url}/log/checkpoint`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { url, vkeyFile, stop }
    await pause(100)
  }
  await stop()
  throw new Error('the gateway did not answer within a minute')
}

async function fill(databaseUrl, dir, key) {
  await migrateLog(databaseUrl)
  const { raw, close } = connect(databaseUrl, { name: 'lianban bench', maxConnections: 2 })
  const source = folderSource(dir)
  const [, size, root] = (await source.checkpoint()).split('\n')
  const target = { size: Number(size), root: Buffer.from(root, 'base64') }
  let bundle = { n: -1, entries: [] }
  const read = async (index) => {
    const n = Math.floor(index / 256)
    if (bundle.n !== n) {
      const width = Math.min(256, target.size - n * 256)
      bundle = { n, entries: decodeBundle(await source.bundle(n, width), width) }
    }
    return bundle.entries[index % 256]
  }
  const blob = async (digest) => (await source.blob(digest)).toString('utf8')
  await raw.begin((tx) => writeBack(tx, { key, edge: emptyEdge, target, inForce: undefined, found: { read }, blob }))
  await raw`vacuum analyze`
  await close()
}
