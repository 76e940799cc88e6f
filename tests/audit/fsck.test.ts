import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listen } from '../../src/arrival/server.ts'
import { importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signAccessToken } from '../../src/identity/sign.ts'
import { newLogKey } from '../../src/log/log-key.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { bureausOf } from '../support/e2e-bureaus.ts'
import { startLoad } from '../support/e2e-load.ts'
import { eventually } from '../support/eventually.ts'
import { runFsck } from '../support/fsck.ts'
import { type Gateway, openGateway, origin } from '../support/gateway.ts'
import { describeWithGo, goTool } from '../support/go-tools.ts'
import { startKillable } from '../support/killable.ts'
import { LogWriter } from '../support/log-writer.ts'
import { serveStatic } from '../support/static-log.ts'

/** Around one tile, one tile of tiles, and far enough beyond to have three levels. */
const sizes = [1, 255, 256, 257, 65_536, 70_000]

const tokenFor = (key: SigningKey) => signAccessToken(key, { audience: origin, lifetimeSeconds: 300 })
const folders: string[] = []

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-fsck-'))
  folders.push(folder)
  return folder
}

/** An export of that many entries; what they say is nothing to a checker of trees. */
async function exportOf(size: number): Promise<string> {
  const dir = await newFolder()
  const writer = new LogWriter(dir, newLogKey(origin))
  for (let index = 0; index < size; index++) await writer.append(`{"kind":"operation","number":${index}}`)
  await writer.close()
  return dir
}

/** Appends entries through the log's own commit until it has that many. */
async function growTo(size: number, { group, parts }: Gateway): Promise<void> {
  for (let missing = size - (await parts.log.size()); missing > 0; missing -= 1024)
    await Promise.all(
      Array.from({ length: Math.min(missing, 1024) }, () =>
        group.append({
          kind: 'operation',
          party: 'auditor',
          digest: randomBytes(32),
          text: (received) => JSON.stringify({ kind: 'operation', received, action: 'a test' }),
        }),
      ),
    )
  expect(await parts.log.size()).toBe(size)
}

describeWithGo("tessera's fsck", () => {
  let fsck: string
  beforeAll(async () => {
    fsck = await goTool('fsck')
    await built()
  }, 600_000)
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  it.each(sizes)('finds an export of %i entries good', async (size) => {
    const dir = await exportOf(size)
    const server = await serveStatic(dir)
    const checked = await runFsck(fsck, { storageUrl: server.url, vkeyFile: join(dir, 'vkey') })
    await server.stop()
    expect(checked.size, checked.output).toBe(size)
  })

  it('finds a running log good at every size, each partial tile included', async () => {
    const gateway = await openGateway({ consume: false })
    const http = await listen(gateway.app, '127.0.0.1', 0)
    try {
      const vkeyFile = join(await newFolder(), 'vkey')
      await writeFile(vkeyFile, gateway.logKey.vkey)
      const token = await tokenFor(gateway.key('auditor'))
      const storageUrl = `http://127.0.0.1:${http.port}/log`
      // its first look at a bundle puts the token on record; the same token is recorded once
      await runFsck(fsck, { storageUrl, vkeyFile, token })
      for (const size of sizes.slice(1)) {
        await growTo(size, gateway)
        const checked = await runFsck(fsck, { storageUrl, vkeyFile, token })
        expect(checked.size, checked.output).toBe(size)
      }
    } finally {
      await http.close()
      await gateway.stop()
    }
  })

  it('finds a log good that was killed in the middle of a burst and started again, and the export of it', async () => {
    const dataDir = await newFolder()
    // as root, Postgres's own user must reach it
    await chmod(dataDir, 0o755)
    const exchange = await startKillable(['serve'], { DATA_DIR: dataDir })
    try {
      const bureaus = await bureausOf(join(dataDir, 'keys'))
      const load = startLoad(bureaus, {
        urls: () => [exchange.url() ?? ''],
        subjects: 40,
        senders: 8,
        pauseMs: 0,
        retry: true,
      })
      await eventually(async () => load.accepted() > 100)
      await exchange.kill()
      const before = load.accepted()
      await exchange.restart()
      await eventually(async () => load.accepted() > before + 100)
      await exchange.kill()
      await exchange.restart()
      const vkeyFile = join(dataDir, 'log.vkey')
      const auditorKey = join(dataDir, 'keys', 'auditor.jwk')
      const token = await tokenFor(await importSigningKey(JSON.parse(await readFile(auditorKey, 'utf8'))))
      const url = exchange.url() ?? ''
      // the burst goes on meanwhile
      const checked = await runFsck(fsck, { storageUrl: `${url}/log`, vkeyFile, token })
      expect(checked.size, checked.output).toBeGreaterThan(200)
      await load.stop()

      const out = join(await newFolder(), 'export')
      expect(await audit('export', url, '--out', out, '--vkey', vkeyFile, '--key', auditorKey)).toMatchObject({ code: 0 })
      const server = await serveStatic(out)
      const exported = await runFsck(fsck, { storageUrl: server.url, vkeyFile })
      await server.stop()
      expect(exported.size, exported.output).toBeGreaterThanOrEqual(checked.size ?? Number.POSITIVE_INFINITY)
    } finally {
      await exchange.stop()
    }
  })

  it('is a judge that can say no: a bit of an entry, a short tile, another key', async () => {
    const dir = await exportOf(300)
    const server = await serveStatic(dir)
    const check = (vkeyFile: string) => runFsck(fsck, { storageUrl: server.url, vkeyFile, timeout: 5000 })
    const vkeyFile = join(dir, 'vkey')
    const bundle = join(dir, 'tile', 'entries', '000')
    const bytes = await readFile(bundle)
    const altered = Buffer.from(bytes)
    altered[20] = (altered[20] ?? 0) ^ 1
    await writeFile(bundle, altered)
    expect((await check(vkeyFile)).size).toBeUndefined()
    await writeFile(bundle, bytes)
    expect((await check(vkeyFile)).size).toBe(300)

    const otherKey = join(await newFolder(), 'vkey')
    await writeFile(otherKey, newLogKey(origin).vkey)
    expect((await check(otherKey)).size).toBeUndefined()
    await truncate(join(dir, 'tile', '0', '000'), 8160)
    expect((await check(vkeyFile)).size).toBeUndefined()
    await server.stop()
  })
})
