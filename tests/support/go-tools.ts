import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'

/** Software of others that our log has to satisfy, at the versions that were looked at. */
const modules = {
  fsck: 'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4',
  litewitness: 'filippo.io/torchwood/cmd/litewitness@v0.9.0',
} as const

const buildTimeoutMs = 480_000

/** Registers the suite where Go is, and must be with `REQUIRE_GO=1` or in CI; elsewhere says so in one line. */
export function describeWithGo(name: string, suite: () => void): void {
  if (canRunGo()) describe(name, suite)
  else {
    describe(name, () => undefined)
    console.log(`${name}: not run, there is no Go (REQUIRE_GO=1 makes this a failure)`)
  }
}

function canRunGo(): boolean {
  if (process.env.REQUIRE_GO === '1' || process.env.CI === 'true') return true
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false // no fault: whoever needs Go says REQUIRE_GO=1
  }
}

/**
 * Builds a tool from the Go module proxy, once on a machine.
 *
 * @returns path of the program
 */
export async function goTool(name: keyof typeof modules): Promise<string> {
  return built(`${name}-${modules[name].split('@')[1]}`, name, (env, cwd) => run('go', ['install', modules[name]], env, cwd))
}

/**
 * Builds a Go program of ours out of a folder of tests/support, once for each state of it.
 *
 * @returns path of the program
 */
export async function goProgram(name: string): Promise<string> {
  const folder = join(import.meta.dirname, name)
  const sources = await Promise.all(['main.go', 'go.mod', 'go.sum'].map((file) => readFile(join(folder, file))))
  const state = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12)
  return built(`${name}-${state}`, name, (env) => run('go', ['build', '-o', join(env.GOBIN, name), '.'], env, folder))
}

type Environment = NodeJS.ProcessEnv & { readonly GOBIN: string }

const run = (program: string, args: readonly string[], env: Environment, cwd: string) =>
  promisify(execFile)(program, [...args], { env, cwd, timeout: buildTimeoutMs })

async function built(file: string, name: string, build: (env: Environment, cwd: string) => Promise<unknown>): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lianban-tests')
  const program = join(cache, file)
  const isThere = await access(program).then(
    () => true,
    () => false,
  )
  if (isThere) return program
  await mkdir(cache, { recursive: true })
  // test files run beside each other: each builds aside, and the last one wins with the same program
  const aside = await mkdtemp(join(cache, 'build-'))
  try {
    await build({ ...process.env, GOBIN: aside, GOFLAGS: '' }, aside)
    await rename(join(aside, name), program)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return program
}
