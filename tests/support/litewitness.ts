import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

/** A real witness of others, with a key in an ssh-agent and its memory in SQLite. */
export interface Litewitness {
  readonly url: string
  readonly vkey: string
  output(): string
  /** makes a log known to it, as its operator does */
  register(origin: string, vkey: string): Promise<void>
  /** SIGKILL; its memory stays */
  kill(): Promise<void>
  /** at the same address, with the same key and memory */
  restart(): Promise<void>
  /** ends everything */
  stop(): Promise<void>
}

const emptyRoot = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='

export async function startLitewitness(program: string, name: string): Promise<Litewitness> {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-litewitness-'))
  const socket = join(folder, 'agent.sock')
  const key = join(folder, 'key')
  const database = join(folder, 'witness.db')
  const children: ChildProcess[] = []
  const endAll = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  process.once('exit', endAll)

  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'witness', '-f', key])
  children.push(spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }))
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  await eventually(() => run('ssh-add', ['-q', key], { env }), 10_000)
  const { stdout: listed } = await run('ssh-keygen', ['-l', '-f', `${key}.pub`])
  const fingerprint = /SHA256:\S+/.exec(listed)?.[0] ?? ''
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  let output = ''

  async function launch(): Promise<void> {
    const args = ['-name', name, '-db', database, '-ssh-agent', socket, '-key', fingerprint, '-listen', `127.0.0.1:${port}`]
    const started = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    children.push(started)
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    await eventually(async () => {
      if (started.exitCode !== null) throw new Error(`litewitness did not start:\n${output}`)
      return fetch(url)
    }, 20_000)
  }
  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  await launch()
  const vkey = /\S+\+[0-9a-f]{8}\+B[A-Za-z0-9+/]+=*/.exec(output)?.[0].replace(/^.*?=/, '')
  if (vkey === undefined) throw new Error(`litewitness told no vkey:\n${output}`)
  return {
    url,
    vkey,
    output: () => output,
    register: (origin, logVkey) => sqlite(database, registration(origin, logVkey)),
    kill,
    restart: launch,
    async stop() {
      process.off('exit', endAll)
      await kill()
      endAll()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function registration(origin: string, vkey: string): string {
  return (
    `insert into log (origin, tree_size, tree_hash) values ('${origin}', 0, '${emptyRoot}');` +
    `insert into key (origin, key) values ('${origin}', '${vkey}');`
  )
}

/** Node 20 has no SQLite of its own. */
async function sqlite(database: string, statements: string): Promise<void> {
  const program = 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); c.executescript(sys.argv[2]); c.commit()'
  try {
    await run('sqlite3', ['-cmd', '.timeout 10000', database, statements])
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    await run('python3', ['-c', program, database, statements])
  }
}
