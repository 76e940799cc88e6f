#!/usr/bin/env node
// Holds a running exchange against its own /openapi.json by schemathesis, all checks, once as each role that reads.
// Needs Python 3 with venv, and PyPI the first time; says so and ends well without, unless REQUIRE_SCHEMATHESIS=1.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const lianban = join(root, 'dist', 'main.js')
const readyTimeoutMs = 60_000

const program = installed()
if (program === undefined) process.exit(process.env.REQUIRE_SCHEMATHESIS === '1' ? 1 : 0)
const dataDir = mkdtempSync(join(tmpdir(), 'lianban-schemathesis-'))
const exchange = await start()
try {
  // something to find
  const examples = ['post', join(root, 'docs/examples'), '--keys', join(dataDir, 'keys'), '--url', exchange.url]
  execFileSync(process.execPath, [lianban, ...examples], { stdio: 'ignore' })
  const failed = ['auditor', 'operator', 'commerce'].filter((party) => !conforms(party))
  if (failed.length > 0) console.error(`schemathesis has found something as ${failed.join(', ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
} finally {
  await exchange.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

/** A virtual environment knows its own path, so it is made in its place, and marked when it is whole. */
function installed() {
  const requirements = join(here, 'requirements.txt')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const venv = join(here, `.venv-${digest}`)
  const found = join(venv, 'bin', 'schemathesis')
  const whole = join(venv, 'whole')
  if (existsSync(whole)) return found
  rmSync(venv, { recursive: true, force: true })
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', venv],
    [join(venv, 'bin', 'pip'), 'install', '-q', '--disable-pip-version-check', '-r', requirements],
  ]) {
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 })
    if (status === 0) continue
    const why = error?.message ?? stderr.trim().split('\n').at(-1)
    console.log(`schemathesis is not run: ${why} (REQUIRE_SCHEMATHESIS=1 makes this a failure)`)
    return undefined
  }
  writeFileSync(whole, '')
  return found
}

async function start() {
  const env = { ...process.env, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'info', KAFKA_BROKERS: '', DATABASE_URL: '' }
  const child = spawn(process.execPath, [lianban, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), readyTimeoutMs)
  const stop = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  let failures = 0
  const url = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the exchange did not start')))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = /"port":(\d+).*the exchange is ready/.exec(line)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
      // what fails inside is shown beside what was asked
      if (/"level":"?(error|50)/.test(line) && failures++ < 10) console.error(line)
    })
  })
  clearTimeout(timer)
  return { url, stop }
}

/** A token is good for two minutes, which a run stays below. */
function conforms(party) {
  const signing = ['sign', '--token', '--key', join(dataDir, 'keys', `${party}.jwk`), '--url', exchange.url]
  const token = execFileSync(process.execPath, [lianban, ...signing], { encoding: 'utf8' }).trim()
  console.log(`\n-- as ${party}`)
  const config = ['--config-file', join(here, 'schemathesis.toml')]
  const args = ['run', `${exchange.url}/openapi.json`, '--checks', 'all', '--no-color', '--warnings', 'off']
  const { status, error } = spawnSync(program, [...config, ...args, '-H', `Authorization: Bearer ${token}`], {
    stdio: 'inherit',
    cwd: here,
    timeout: 110_000,
  })
  if (error) console.error(error.message)
  return status === 0
}
