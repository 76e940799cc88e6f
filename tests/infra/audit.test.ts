import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { readDocument, root } from '../docs/documents.ts'

describe('the packages that production runs', () => {
  let registry: Server | undefined
  afterEach(() => {
    registry?.close()
    registry = undefined
  })

  it('are pinned: exact versions, each with its hash in the lock file', async () => {
    const {
      dependencies,
      devDependencies,
    }: Record<string, Record<string, string>> = JSON.parse(await readDocument('package.json'))
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    const lock: { packages: Record<string, { integrity?: string }> } = JSON.parse(await readDocument('package-lock.json'))
    const { '': _ours, ...packages } = lock.packages
    expect(Object.entries(packages).filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([])
  })

  it('are audited: a known fault fails, and is named', async () => {
    const fault = { id: 1, url: 'https://advisories.example/1', title: 'made up', severity: 'high', vulnerable_versions: '<99' }
    const { code, said } = await audit(200, { ajv: [fault] })
    expect(said).toContain('ajv: high: made up, <99, https://advisories.example/1')
    expect(code).toBe(1)
  })

  it('are clean when nothing is known', async () => {
    expect(await audit(200, {})).toMatchObject({
      code: 0,
      said: expect.stringContaining('0 packages of production with known faults'),
    })
  })

  it('are not audited where nobody can be asked, and it says so', async () => {
    expect(await audit(405, {})).toMatchObject({ code: 0, said: expect.stringContaining('not audited') })
  })

  /** .ci/audit.mjs against a registry that answers so. */
  async function audit(status: number, advisories: Readonly<Record<string, unknown>>): Promise<{ code: unknown; said: string }> {
    registry = createServer((request, response) => {
      request.resume()
      const name = decodeURIComponent(request.url ?? '').slice(1)
      const packument = { name, 'dist-tags': {}, versions: {} }
      response.writeHead(request.method === 'POST' ? status : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(request.method === 'POST' ? advisories : packument))
    }).listen(0, '127.0.0.1')
    await once(registry, 'listening')
    const address = registry.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const child = spawn(
      process.execPath,
      [join(root, '.ci/audit.mjs'), '--registry', `http://127.0.0.1:${port}`, '--fetch-retries=0'],
      {
        cwd: root,
      },
    )
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    return { code, said }
  }
})
