import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDocument, root } from '../docs/documents.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { cleanEnv } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

/** What runs in the image is not root; without root's rights a test can't be anybody else. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

describe('what the Dockerfile puts into the image', () => {
  let dockerfile: string
  let folder: string
  let app: string
  let database: TestDatabase
  let env: Record<string, string>

  beforeAll(async () => {
    dockerfile = await readDocument('infra/Dockerfile')
    folder = await mkdtemp(join(tmpdir(), 'lianban-image-'))
    await chmod(folder, 0o755)
    app = join(folder, 'app')
    await layOut(app)
    database = await testDatabase()
    const dataDir = join(folder, 'data')
    await mkdir(dataDir, { mode: 0o700 })
    if (nobody.uid) await chown(dataDir, nobody.uid, nobody.gid)
    env = { ...imageEnvironment(dockerfile), DATABASE_URL: database.url, DATA_DIR: dataDir, LOG_ORIGIN: 'lianban.example/image' }
  })
  afterAll(async () => {
    await database?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('is there, and is let through by .dockerignore', async () => {
    const letThrough = (await readDocument('.dockerignore')).split('\n').filter((line) => line.startsWith('!'))
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '))
    expect(copied.length).toBeGreaterThan(5)
    for (const source of copied) {
      expect(existsSync(join(root, source)), source).toBe(true)
      expect(letThrough, source).toContain(`!${source}`)
    }
  })

  it('is of pinned versions, for a user who is not root; its Node is the one that CI tries', async () => {
    const [, node = ''] = /^FROM node:(\d+\.\d+\.\d+)-bookworm-slim AS base$/m.exec(dockerfile) ?? []
    expect(await readDocument('.ci/run')).toContain(`\nlts=${node}\n`)
    expect(await readDocument('README.md')).toContain(`Node ${node.replace(/\.\d+$/, '')} (LTS)`)
    expect(dockerfile).toMatch(/^RUN npm ci --omit=dev --omit=optional --ignore-scripts/m)
    expect(dockerfile).toMatch(/^USER node$/m)
  })

  it('runs as somebody who may write to DATA_DIR alone, and its health check tells whether it works', async () => {
    const key = join(env.DATA_DIR ?? '', 'operator.jwk')
    await lianban('keys', 'generate', '--out', key)
    await lianban('keys', 'register', key, '--party', 'operator', '--first')
    await expectWorking(['gateway'], 'PORT')
    await expectWorking(['publish'], 'METRICS_PORT')
    await expectWorking(['consume', '--bureau', 'commerce'], 'METRICS_PORT')
  })

  const lianban = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, ['dist/main.js', ...args], { cwd: app, env: cleanEnv(env), ...nobody })

  async function expectWorking(args: readonly string[], portName: 'PORT' | 'METRICS_PORT'): Promise<void> {
    const own = { ...env, [portName]: String(await freePort()) }
    const health = () =>
      promisify(execFile)(process.execPath, ['infra/healthcheck.mjs'], { cwd: app, env: cleanEnv(own), ...nobody })
    await expect(health()).rejects.toThrow('ECONNREFUSED')
    const child = spawn(process.execPath, ['dist/main.js', ...args], { cwd: app, env: cleanEnv(own), ...nobody, stdio: 'ignore' })
    const exited = once(child, 'exit')
    try {
      await eventually(health)
    } finally {
      child.kill('SIGTERM')
      expect(await exited, args.join(' ')).toEqual([0, null])
    }
  }
})

/** The image's /app, out of what npm has installed here: production's packages without the optional ones. */
async function layOut(app: string): Promise<void> {
  const lock: { packages: Record<string, { dev?: true; optional?: true; devOptional?: true }> } = JSON.parse(
    await readDocument('package-lock.json'),
  )
  const inProduction = ([path, one]: [string, { dev?: true; optional?: true; devOptional?: true }]) =>
    /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !one.dev && !one.optional && !one.devOptional
  const packages = Object.entries(lock.packages).filter(inProduction)
  await mkdir(app)
  await cp(await built(), join(app, 'dist'), { recursive: true })
  const rest = ['package.json', 'drizzle', 'schemas', 'infra/healthcheck.mjs', ...packages.map(([path]) => path)]
  for (const path of rest) await cp(join(root, path), join(app, path), { recursive: true, verbatimSymlinks: true })
}

function imageEnvironment(dockerfile: string): Record<string, string> {
  const [, line = ''] = /^ENV (.+)$/m.exec(dockerfile) ?? []
  const set = line.split(' ').map((one) => one.split('='))
  expect(Object.fromEntries(set)).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0' })
  return { NODE_ENV: 'production', HOST: '127.0.0.1' }
}
