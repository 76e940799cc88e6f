import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { built } from '../support/built.ts'
import { blocksOf, readDocument, root } from './documents.ts'

/** Without these, what of the documents needs them can't be run; a CI must have them. */
const tools = [
  ['openssl', 'version'],
  ['curl', '--version'],
] as const
const startDeadlineMs = 60_000

let folder: string
let exchange: ChildProcess | undefined
let port: number
let missing: readonly string[]

beforeAll(async () => {
  const dist = await built()
  missing = (await Promise.all(tools.map(async ([tool, asked]) => ((await run(tool, [asked])).started ? [] : [tool])))).flat()
  folder = await mkdtemp(join(tmpdir(), 'lianban-readme-'))
  // Postgres of a test that runs as root is another user's
  await chmod(folder, 0o755)
  await symlink(dist, join(folder, 'dist'))
  for (const name of ['docs', 'schemas', 'tests']) await symlink(join(root, name), join(folder, name))
  exchange = spawn(process.execPath, ['dist/main.js', 'serve'], {
    cwd: folder,
    env: { ...environment(), PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  port = await portOf(exchange)
})

afterAll(async () => {
  if (exchange !== undefined && exchange.exitCode === null) {
    exchange.kill('SIGTERM')
    await once(exchange, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
})

describe('what the documents say to paste works', () => {
  it('with the tools that they use, which a CI must have', () => {
    expect(process.env.CI ? missing : []).toEqual([])
  })

  // in this order: the later pages use what the README's reader has made
  it.each(['README.md', 'docs/bureau.md', 'docs/auditor.md', 'docs/catalogue.md', 'docs/operator.md'])(
    '%s',
    async (name) => {
      const blocks = blocksOf(await readDocument(name), 'bash').filter((block) => !block.includes('npm start'))
      const runnable = blocks.filter((block) => missing.length === 0 || isOnlyNode(block))
      expect(blocks.length).toBeGreaterThan(0)
      const { exitCode, output } = await paste(runnable, name === 'docs/auditor.md')
      expect(exitCode, output).toBe(0)
    },
    180_000,
  )

  it('and a block that fails is noticed', async () => {
    const { exitCode } = await paste(['true\n', 'node dist/main.js receipt verify nothing.tlog-proof\n', 'true\n'])
    expect(exitCode).not.toBe(0)
  })
})

/** Stops at the first failure and says where. A view follows the log within moments, and a test pastes faster than a person. */
const preamble = `set -euo pipefail
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
soon() {
  for _ in $(seq 100); do "$@" && return; sleep 0.1; done
  "$@"
}
`

/** Whether a block stands for itself: no tool that may be missing, no variable of a block before it. */
function isOnlyNode(block: string): boolean {
  return block.startsWith('node ') && !block.includes('$')
}

/**
 * Runs blocks as one shell would that they are pasted into, against this test's exchange instead of port 8080.
 *
 * @param saysUrl whether they name the exchange wherever they ask it, as a guide does whose readers have it elsewhere
 */
async function paste(blocks: readonly string[], saysUrl = false): Promise<{ exitCode: number; output: string }> {
  const url = `http://127.0.0.1:${port}`
  const here = blocks.join('\n').replaceAll('http://127.0.0.1:8080', url)
  const script = saysUrl
    ? here
    : here.replace(
        /node dist\/main\.js (post|record show|keys (?!generate)\w+|catalogue apply|sign --token|(?:parked|bus) \w+)/g,
        `node dist/main.js $1 --url ${url}`,
      )
  const file = join(folder, 'pasted.sh')
  await writeFile(file, `${preamble}${script.replace(/^(?=node dist\/main\.js record show)/gm, 'soon ')}`)
  const { exitCode, output } = await run('bash', [file])
  return { exitCode, output }
}

function run(command: string, args: readonly string[]): Promise<{ started: boolean; exitCode: number; output: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, env: environment() }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ started: error?.code !== 'ENOENT', exitCode, output: `${stdout}\n${stderr}`.slice(-4000) })
    })
  })
}

/** As a newcomer's shell: none of our settings. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TMPDIR } = process.env
  return { PATH, HOME, LANG: LANG ?? 'C.UTF-8', ...(TMPDIR === undefined ? {} : { TMPDIR }) }
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the exchange has no standard output')
  const seen: string[] = []
  const late = setTimeout(() => child.kill('SIGTERM'), startDeadlineMs)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      seen.push(line)
      const found = /lianban is ready at http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) return Number(found)
    }
    throw new Error(`the exchange did not start:\n${seen.join('\n')}`)
  } finally {
    clearTimeout(late)
    child.stdout.resume()
  }
}
