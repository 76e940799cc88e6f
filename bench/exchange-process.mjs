// A whole exchange in a process of its own, for benches.
import { fork, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Starts an exchange on a folder of its own; KAFKA_BROKERS and DATABASE_URL are passed on.
 *
 * @param catalogue makes the catalogue of its first start, given its folder; the shipped one by default
 */
export async function startExchange({ catalogue } = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'lianban-bench-'))
  chmodSync(dataDir, 0o755)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'dist', 'main.js'), 'serve'], {
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: dataDir,
      KAFKA_PREFIX: basename(dataDir),
      LOG_LEVEL: 'warn',
      ...(catalogue === undefined ? {} : { CATALOGUE: catalogue(dataDir) }),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exchange = {
    url,
    dataDir,
    keys: join(dataDir, 'keys'),
    generate,
    /** Waits until the views have caught up. */
    async settled() {
      for (let tries = 0; tries < 1200; tries++) {
        const metrics = await (await fetch(`${url}/metrics`)).text()
        const lags = [...metrics.matchAll(/^lianban_view_lag_entries\{.*\} (\d+)/gm)].map(([, lag]) => Number(lag))
        if (lags.length > 0 && lags.every((lag) => lag === 0)) return
        await pause(250)
      }
      throw new Error('the views did not catch up within five minutes')
    },
    residentMiB: () =>
      Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024),
    async stop() {
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('exit', resolve))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`the exchange ended with ${child.exitCode}`)
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
    if (answer?.status === 200) return exchange
    await pause(100)
  }
  await exchange.stop()
  throw new Error('the exchange was not ready within a minute')
}

const generate = (task) => runTask('load.mjs', task)

/** Runs one task of a load generator, which is a process of its own. */
export function runTask(file, task) {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, file), [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let answer
    child.on('message', (message) => {
      answer = message
    })
    child.once('exit', (code) =>
      code === 0 && answer ? resolve(answer) : reject(new Error(`the load generator ended with ${code}`)),
    )
    child.send(task)
  })
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address()
      probe.close(() => resolve(free))
    })
  })
}
