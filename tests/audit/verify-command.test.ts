import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeRowsOf, readDocument } from '../docs/documents.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { cleanEnv, lianban, mainFile } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { serveStatic } from '../support/static-log.ts'
import { rewritten, withFields } from './altered-log.ts'

let log: MadeLog
/** verified for long enough to be met while that is under way */
let long: MadeLog
let work: string

beforeAll(async () => {
  await built()
  work = await mkdtemp(join(tmpdir(), 'lianban-verify-'))
  log = await makeLog({ events: 1500, subjects: 100, keepEntries: true })
  long = await makeLog({ events: 8000, subjects: 600, dir: join(work, 'long') })
})
afterAll(async () => {
  await rm(work, { recursive: true, force: true })
  await rm(log.dir, { recursive: true, force: true })
})

/** where it is said elsewhere what more of them do */
const oneThread = ['--workers', '1']
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

test('on threads, a good log has exit code 0 and a report as text, as JSON and as a page without scripts', async () => {
  const page = join(work, 'report.html')
  const pinned = ['--operator', log.operatorThumbprint]
  const ran = await lianban([
    'audit',
    'verify',
    log.dir,
    '--vkey',
    log.vkey,
    ...pinned,
    '--json',
    '--html',
    page,
    '--workers',
    '2',
  ])
  expect(ran.stderr).toBe('')
  expect(ran.code).toBe(0)
  const report = JSON.parse(ran.stdout)
  expect(report).toMatchObject({
    format: 'lianban-audit-report@1',
    good: true,
    findings: { total: 0, listed: [] },
    kinds: log.counts,
  })
  const told = codeRowsOf(await readDocument('docs/auditor.md')).flatMap(([name = '']) => name.split(/[`, ]+/))
  for (const member of Object.keys(report)) expect(told, 'docs/auditor.md tells what it is').toContain(member)
  const html = await readFile(page, 'utf8')
  expect(html).toContain('<svg')
  expect(html).not.toMatch(/<script|https?:\/\//)
  const text = await lianban(['audit', 'verify', log.dir, '--vkey', log.vkey])
  expect(text.stdout).toContain('Nothing was found')
  expect(text.stdout).toContain("keys stand on the word of the log's own first operator key")
})

test('findings have exit code 1, and are told with index and cause; nothing of the log becomes markup', async () => {
  const index = log.entries.findLastIndex((entry) => entry.startsWith('{"kind":"refusal"'))
  const entries = log.entries.with(index, withFields(log.entries[index] ?? '', { kid: '<script>alert(1)</script>\u001b[31m' }))
  const dir = await rewritten(log, entries)
  const page = join(work, 'bad.html')
  const ran = await lianban(['audit', 'verify', dir, '--vkey', log.vkey, '--html', page])
  await rm(dir, { recursive: true })
  expect(ran.code).toBe(1)
  expect(ran.stdout).toMatch(new RegExp(`entry ${index}: the key <script>`))
  expect(ran.stdout).not.toContain('\u001b')
  expect(await readFile(page, 'utf8')).not.toContain('<script')
})

test('with another operator than the log’s the line of trust says so, and no key counts as compared', async () => {
  const verify = (operator: string) =>
    lianban(['audit', 'verify', log.dir, '--vkey', log.vkey, '--operator', operator, ...oneThread])
  const other = 'x'.repeat(43)
  const ran = await verify(other)
  expect(ran.stdout).toContain(
    `ANOTHER FIRST OPERATOR KEY than --operator says: all keys stand on ${log.operatorThumbprint}, not on ${other}`,
  )
  expect(ran.stdout).not.toContain('was compared with --operator')
  const right = await verify(log.operatorThumbprint)
  expect(right.stdout).toContain(`was compared with --operator: all keys stand on ${log.operatorThumbprint}`)
})

test('an entry that the index of an export lacks is a finding, on threads as well', async () => {
  const out = join(work, 'indexed')
  expect(await audit('export', log.dir, '--out', out, '--vkey', log.vkey)).toMatchObject({ code: 0 })
  const verify = ['audit', 'verify', out, '--vkey', log.vkey, '--workers', '2']
  expect(await lianban(verify)).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was found') })
  const segment = join(out, 'index/subjects/000000')
  const bytes = await readFile(segment)
  const index = bytes.readUInt32BE(400 * 16 + 12)
  await writeFile(segment, Buffer.concat([bytes.subarray(0, 400 * 16), bytes.subarray(401 * 16)]))
  const ran = await lianban(verify)
  expect(ran.code).toBe(1)
  expect(ran.stdout).toContain(`entry ${index}: index/subjects/000000 lacks it, so nobody finds it there`)
  expect(ran.stdout).toContain('1 finding in the index of this copy; the log itself is complete, unaltered and in order.')
  await rm(join(out, 'tile/1/000.p'), { recursive: true })
  expect((await lianban(verify)).stdout).toContain('2 findings: this log is not as it should be.')
})

test('a page that can not be written is said before anything is checked, and where it fails at the end findings still have exit code 1', async () => {
  const nowhere = join(work, 'nowhere', 'report.html')
  const verify = (dir: string, html: string) =>
    lianban(['audit', 'verify', dir, '--vkey', log.vkey, '--html', html, ...oneThread])
  for (const html of [nowhere, work]) {
    const early = await verify(log.dir, html)
    expect(early).toMatchObject({ code: 2, stdout: '' })
    expect(early.stderr).toContain(`the page can't be written to ${html}`)
  }
  const bad = await rewritten(log, log.entries.with(20, 'nothing'))
  const late = await verify(bad, '/dev/full')
  expect(late.code).toBe(1)
  expect(late.stdout).toContain('this log is not as it should be')
  expect(late.stderr).toContain("the page can't be written to /dev/full")
  expect((await verify(log.dir, '/dev/full')).code).toBe(2)
  const kept = join(work, 'kept.html')
  await writeFile(kept, 'of the last visit')
  expect((await verify(join(work, 'nowhere'), kept)).code).toBe(2)
  expect(await readFile(kept, 'utf8')).toBe('of the last visit')
  await rm(kept)
  expect((await verify(join(work, 'nowhere'), kept)).code).toBe(2)
  expect(await exists(kept)).toBe(false)
  await rm(bad, { recursive: true })
})

test('what could not be checked has exit code 2 and says why', async () => {
  const missing = await lianban(['audit', 'verify', log.dir])
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain('--vkey is missing')
  const nowhere = await lianban(['audit', 'verify', join(work, 'nowhere'), '--vkey', log.vkey])
  expect(nowhere.code).toBe(2)
})

test('work that can not be written is told in a sentence, and a state that can not be kept hides nothing that was found', async () => {
  const nowhere = { env: { TMPDIR: join(work, 'nowhere') } }
  const ran = await lianban(['audit', 'verify', log.dir, '--vkey', log.vkey], nowhere)
  expect(ran).toMatchObject({ code: 2, stdout: '' })
  expect(ran.stderr).toMatch(/^lianban: could not check: the work can't be written: ENOENT.*set TMPDIR\n$/)

  const state = join(work, 'unkept.json')
  await mkdir(`${state}.new`)
  const verify = (dir: string) => lianban(['audit', 'verify', dir, '--vkey', log.vkey, '--state', state])
  const good = await verify(log.dir)
  expect(good).toMatchObject({ code: 2, stdout: expect.stringContaining('Nothing was found') })
  expect(good.stderr).toMatch(/^lianban: this visit could not be kept in the state file .*EISDIR.*\n$/)
  const bad = await rewritten(log, log.entries.with(20, 'nothing'))
  expect(await verify(bad)).toMatchObject({ code: 1, stdout: expect.stringContaining('entry 20: '), stderr: good.stderr })
  await rm(bad, { recursive: true })
})

test('an export of a part asks for that part to be said, and never counts as a log that nothing was found in', async () => {
  const first = join(work, 'first')
  const later = join(work, 'later')
  await audit('export', log.dir, '--out', first, '--vkey', log.vkey, '--to', '256')
  await audit('export', log.dir, '--out', later, '--vkey', log.vkey, '--from', '512')
  const verify = (dir: string, ...more: string[]) => lianban(['audit', 'verify', dir, '--vkey', log.vkey, ...oneThread, ...more])
  const whole = await verify(first)
  expect(whole).toMatchObject({ code: 2, stdout: '' })
  expect(whole.stderr).toContain('this copy holds entries 0 to 255 only; say --from 0 --to 256 to check that part')
  expect(await verify(first, '--from', '0', '--to', '256')).toMatchObject({ code: 0 })
  expect(await verify(first, '--to', '300')).toMatchObject({ code: 1 })
  expect((await verify(later)).stderr).toContain(`say --from 512 --to ${log.size} to check`)
  expect(await verify(later, '--from', '512', '--to', String(log.size))).toMatchObject({ code: 0 })
  const above = await verify(later, '--to', String(log.size))
  expect(above.stdout, 'its beginning is not left out unless that was asked for').toMatch(/^missing: .*\(2\)/m)
  const server = await serveStatic(first)
  expect(await verify(server.url), 'served over HTTP, in the same words').toEqual(whole)
  expect(await verify(server.url, '--to', '256')).toMatchObject({ code: 0 })
  await rm(join(first, 'manifest.json'))
  expect(await verify(server.url), 'without a manifest it is verified whole').toMatchObject({ code: 1 })
  await server.stop()
  const lying = { from: 0, to: log.size, size: log.size, origin: log.origin, exportedAt: '2026-11-23T00:00:00.000Z' }
  for (const manifest of [JSON.stringify({ format: 'lianban-export@1', ...lying }), 'nothing', 'x'.repeat(100_000)]) {
    await writeFile(join(first, 'manifest.json'), manifest)
    expect(await verify(first), manifest.slice(0, 100)).toMatchObject({ code: 1 })
  }
  expect((await verify(log.dir, '--from', '99999')).code).toBe(2)
})

test('a part without an end is checked to where the copy ends, and that nobody has signed where is said', async () => {
  const middle = join(work, 'middle')
  await audit('export', log.dir, '--out', middle, '--vkey', log.vkey, '--from', '256', '--to', '512')
  const verify = (dir: string, ...more: string[]) => lianban(['audit', 'verify', dir, '--vkey', log.vkey, ...more])
  const ran = await verify(middle, '--from', '256')
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  const after = log.size - 512
  for (const says of [
    'Nothing was found in the part that was checked. Only entries 256 to 511 were read, ',
    `since this copy says that it holds none of the ${after} after them, which nobody has signed`,
  ])
    expect(ran.stdout).toContain(says)
  const { good, only, kinds } = JSON.parse((await verify(middle, '--from', '256', '--json')).stdout)
  expect({ good, only }).toEqual({ good: true, only: { from: 256, to: 512, withRules: false, endToldBy: 'copy' } })
  expect(Object.values<number>(kinds).reduce((sum, count) => sum + count)).toBe(256)
  const said = await verify(middle, '--from', '256', '--to', '512')
  expect(said.stdout).toContain('Only entries 256 to 511 were read; of the others')

  expect(await verify(middle, '--from', '512')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('this copy holds entries 256 to 511, none from 512 on: export the part'),
  })
  expect((await verify(middle, '--from', '0')).stderr, 'everything was asked for').toContain('say --from 256 --to 512')
  await rm(join(middle, 'manifest.json'))
  expect(await verify(middle, '--from', '256'), 'without a manifest it goes to the end of the log').toMatchObject({ code: 1 })
  expect((await verify(log.dir, '--from', '256')).stdout).toContain(
    `Only entries 256 to ${log.size - 1} were read; of the others`,
  )
})

test('killed again and again, it goes on where it was and comes to the same report', async () => {
  const state = join(work, 'state.json')
  const args = ['audit', 'verify', long.dir, '--vkey', long.vkey, '--state', state, '--workers', '1', '--json']
  const progress = join(`${state}.work`, 'work.json')
  let bundles = 0
  for (let kill = 0; kill < 2; kill++) {
    const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: 'ignore' })
    const further = await furtherThan(child, progress, bundles)
    child.kill('SIGKILL')
    await once(child, 'close')
    if (further === undefined) throw new Error('it was done before it could be killed')
    bundles = further
  }
  const ran = await lianban(args)
  expect(ran.code).toBe(0)
  expect(JSON.parse(ran.stdout)).toMatchObject({ good: true, resumed: true, kinds: long.counts })
  expect(await exists(`${state}.work`)).toBe(false)
  expect(await readFile(state, 'utf8')).toContain(`\\n${long.size}\\n`)
})

test('a second run with the same state file ends with code 2 and touches nothing of the first', async () => {
  const state = join(work, 'twice.json')
  const args = ['audit', 'verify', long.dir, '--vkey', long.vkey, '--state', state, '--workers', '1', '--json']
  const first = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(first, 'close')
  let report = ''
  first.stdout.setEncoding('utf8').on('data', (text: string) => (report += text))
  if ((await furtherThan(first, join(`${state}.work`, 'work.json'), 0)) === undefined) throw new Error('it was done too soon')
  const second = await lianban(args)
  expect(second).toMatchObject({ code: 2, stdout: '' })
  expect(second.stderr).toContain(`another verification, the process ${first.pid}, is working with the state file ${state}`)
  expect(await closed).toEqual([0, null])
  expect(JSON.parse(report)).toMatchObject({ good: true, kinds: long.counts })
  expect((await lianban(args)).code).toBe(0)
})

test.each([
  ['nothing at all', /./],
  ['no entries', /entries/],
])('it stops at Ctrl-C, and says that it knows nothing, where the exchange answers %s and never will', async (_, silent) => {
  let hanging = 0
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/log/, '')
    if (silent.test(path)) return void hanging++
    const file = await readFile(join(log.dir, path)).catch(() => undefined)
    response.writeHead(file === undefined ? 404 : 200).end(file)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}`
  const state = join(work, `hanging-${String(silent).length}.json`)
  const args = ['audit', 'verify', url, '--vkey', log.vkey, '--state', state]
  const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] })
  const said = textOf(child.stderr)
  await eventually(async () => hanging > 0)
  const asked = performance.now()
  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([2, null])
  expect(performance.now() - asked).toBeLessThan(10_000)
  expect(await said).toContain('stopped before the end, so nothing is known yet; call it again with the same --state')
  server.closeAllConnections()
  server.close()
})

test('whoever waits is told that an exchange is asked again', async () => {
  const server = await serveStatic(log.dir)
  let failures = 2
  server.intercept((path) => (path === '/checkpoint' && failures-- > 0 ? { status: 503 } : undefined))
  const ran = await lianban(['audit', 'verify', server.url, '--vkey', log.vkey])
  await server.stop()
  expect(ran.code).toBe(0)
  expect(ran.stderr).toMatch(/^lianban: \S+\/checkpoint does not answer \(HTTP 503\): asking again, 2 of 7 times\n$/)
})

test('a state file that is no good, or of another log, is told with what to do', async () => {
  const state = join(work, 'damaged.json')
  const verify = (vkey = log.vkey) => lianban(['audit', 'verify', log.dir, '--vkey', vkey, '--state', state, ...oneThread])
  for (const [text, says] of [
    ['', 'it is empty; put it back from a copy, or remove it'],
    ['null', 'it is no lianban-audit-state@1; put it back'],
    ['{"format":', 'it is no lianban-audit-state@1; put it back'],
    [
      JSON.stringify({ format: 'lianban-audit-state@1', verifiedAt: '2026-11-24T00:00:00.000Z', checkpoint: long.checkpoint }),
      'give each log a state file of its own',
    ],
  ] as const) {
    await writeFile(state, text)
    expect(await verify()).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^lianban: the state file [^\n]*\n$/),
    })
    expect((await verify()).stderr).toContain(says)
    expect(await readFile(state, 'utf8')).toBe(text)
  }
})

test('the work that another log’s verification has left beside a state file is kept for it', async () => {
  const state = join(work, 'others.json')
  const args = ['audit', 'verify', long.dir, '--vkey', long.vkey, '--state', state, '--workers', '1', '--json']
  const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: 'ignore' })
  const begun = await furtherThan(child, join(`${state}.work`, 'work.json'), 0)
  child.kill('SIGINT')
  await once(child, 'close')
  expect(begun).toBeDefined()
  const other = await lianban(['audit', 'verify', log.dir, '--vkey', log.vkey, '--state', state])
  expect(other).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('take a state file of your own, or remove'),
  })
  const ran = await lianban(args)
  expect(JSON.parse(ran.stdout)).toMatchObject({ good: true, resumed: true })
})

test('what an unset variable or an address that nobody can ask leaves is told at once, and no password is', async () => {
  const ask = (...args: string[]) => lianban(['audit', ...args])
  const empty = 'is empty'
  for (const [args, says] of [
    [['verify', log.dir, '--vkey', ''], `--vkey ${empty}`],
    [['verify', log.dir, '--vkey', log.vkey, '--witness-vkey', ''], `--witness-vkey ${empty}`],
    [['evidence', '--from', log.dir, '--out', join(work, 'x.zip'), '--vkey', log.vkey, '--subject', ''], `--subject ${empty}`],
    [['verify', 'http://127.0.0.1:1', '--vkey', log.vkey], 'its port is one that HTTP clients refuse'],
    [['verify', 'http://auditor:geheim@127.0.0.1:8', '--vkey', log.vkey], 'http://…@127.0.0.1:8 has a name or password in it'],
    [['verify', 'http://auditor:geheim@127.0.0.1:99999', '--vkey', log.vkey], 'http://…@127.0.0.1:99999 is no folder'],
  ] as const) {
    const ran = await ask(...args)
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(says) })
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    expect(ran.stderr).not.toContain('geheim')
  }
})

/** Bundles done when more than so many are on file; undefined when the process ended first. */
async function furtherThan(child: ChildProcess, file: string, bundles: number): Promise<number | undefined> {
  let found: number | undefined
  await eventually(async () => {
    const text = await readFile(file, 'utf8').catch(() => '{"bundles":0}')
    const done: number = JSON.parse(text).bundles
    if (done > bundles) found = done
    return found !== undefined || child.exitCode !== null
  })
  return found
}
