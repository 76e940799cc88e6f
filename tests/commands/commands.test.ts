import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import { eventually } from '../support/eventually.ts'
import { examples } from '../support/examples.ts'
import { type RunningExchange, startExchange } from '../support/exchange.ts'
import { lianban, type Ran } from '../support/lianban.ts'
import { loseFirstAnswer } from '../support/lost-answer.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

const examplesFolder = join(import.meta.dirname, '..', '..', 'docs', 'examples')

let exchange: RunningExchange
let folder: string

beforeAll(async () => {
  exchange = await startExchange()
  folder = await mkdtemp(join(tmpdir(), 'lianban-commands-'))
})

afterAll(async () => {
  await exchange?.stop()
  await rm(folder, { recursive: true, force: true })
})

const at = (...args: string[]): Promise<Ran> => lianban([...args, '--url', exchange.url])
const inFolder = (name: string) => join(folder, name)
const keyOf = (party: string) => join(exchange.dataDir, 'keys', `${party}.jwk`)
const logSize = async () => Number((await (await fetch(`${exchange.url}/log/checkpoint`)).text()).split('\n')[1])
const countsIn = ({ stdout }: Ran) =>
  Object.fromEntries([...stdout.matchAll(/^ *(\S.*?) {2,}(\d+)/gm)].map(([, what, count]) => [what, Number(count)]))

describe('the first five minutes', () => {
  it('the examples are posted in legal order, each by its sender', async () => {
    const ran = await at('post', examplesFolder, '--keys', join(exchange.dataDir, 'keys'), '--receipts', inFolder('receipts'))
    expect(ran.stderr).toBe('')
    expect(countsIn(ran)).toMatchObject({ accepted: examples().length, 'already there': 0, refused: 0 })
    expect(ran.code).toBe(0)
    expect(await readdir(inFolder('receipts'))).toHaveLength(2 * examples().length)
  })

  it('posting them again does no harm: nothing is added to the log, not even a refusal', async () => {
    const before = await logSize()
    const ran = await at('post', examplesFolder, '--keys', join(exchange.dataDir, 'keys'), '--receipts', inFolder('again'))
    expect(countsIn(ran)).toMatchObject({ accepted: 0, 'already there': examples().length, refused: 0 })
    expect(ran.code).toBe(0)
    expect(await logSize()).toBe(before)
  })

  it('a record is shown with the event that each field comes from', async () => {
    const { subject } = examples()[0] ?? { subject: '' }
    await eventually(async () => {
      const ran = await at('record', 'show', subject, '--bureau', 'local-tax', '--key', keyOf('local-tax'))
      expect(ran.stdout).toMatch(/^status +cancelled$/m)
      expect(ran.stdout).toMatch(/^legalRepresentative +commerce, index \d+, .+王海岸/m)
    })
    const json = await at('record', 'show', subject, '--bureau', 'local-tax', '--key', keyOf('local-tax'), '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ bureau: 'local-tax', subject })
  })

  it('a receipt is proved with the public key that the exchange leaves in its data directory', async () => {
    for (const receipts of ['receipts', 'again']) {
      const receipt = join(inFolder(receipts), '01-registration-established-commerce.tlog-proof')
      const ran = await lianban(['receipt', 'verify', receipt, '--vkey', join(exchange.dataDir, 'log.vkey')])
      expect(ran).toMatchObject({ code: 0, stderr: '' })
      expect(ran.stdout).toContain('registration.established.v1')
    }
  })

  it('a receipt proves no other entry, and no other log', async () => {
    const receipt = join(inFolder('receipts'), '01-registration-established-commerce.tlog-proof')
    const vkey = await readFile(join(exchange.dataDir, 'log.vkey'), 'utf8')
    const other = join(inFolder('receipts'), '02-tax-registered-state-tax.entry')
    const wrongEntry = await lianban(['receipt', 'verify', receipt, '--vkey', vkey.trim(), '--entry', other])
    expect(wrongEntry.code).toBe(1)
    expect(wrongEntry.stderr).toContain('does not prove this entry')
    const otherVkey = 'localhost/lianban+a5f4ad02+AWoRBOrXkfIfyk8FIRFDVoQC6l34Iv3fyJD3bQUFvLvx'
    expect((await lianban(['receipt', 'verify', receipt, '--vkey', otherVkey])).code).not.toBe(0)
    expect((await lianban(['receipt', 'verify', inFolder('no-such'), '--vkey', vkey.trim()])).code).toBe(2)
  })

  it('nothing is parked, as an operator is told', async () => {
    for (const command of ['groups', 'list']) {
      const ran = await at('parked', command, '--key', keyOf('operator'))
      expect(ran).toEqual({ code: 0, stdout: 'nothing is parked\n', stderr: '' })
    }
  })
})

describe('posting a file of lines', () => {
  const [established] = examples()
  const subject = '91210203XTEXT0026'
  const line = (value: object) => `${JSON.stringify(value)}\n`

  it('broken lines go to a file with their reasons, the rest goes on', async () => {
    const file = inFolder('day.ndjson')
    const change = examples().find(({ type }) => type === 'registration.changed.v1')
    await writeFile(file, 'not json\n')
    await appendFile(file, line({ ...established, source: undefined, data: {} }))
    await appendFile(file, '\n')
    await appendFile(file, line({ type: 'nothing.v1', subject, data: {} }))
    await appendFile(file, `{"type":"x","pad":"${'x'.repeat(300_000)}"}\n`)
    // without a line break at its end
    await appendFile(file, JSON.stringify({ ...established, source: 'commerce' }))
    const ran = await at('post', file, '--as', 'commerce', '--key', keyOf('commerce'))
    expect(change).toBeDefined()
    expect(ran.code).toBe(1)
    expect(countsIn(ran)).toMatchObject({
      accepted: 0,
      'already there': 1,
      refused: 4,
      malformed: 1,
      'too-large': 1,
      'invalid-event': 1,
      'unknown-type': 1,
    })
    const rejects = (await readFile(`${file}.rejects.ndjson`, 'utf8')).trimEnd().split('\n')
    const byLine = new Map(rejects.map((text) => JSON.parse(text)).map((reject) => [reject.line, reject]))
    expect([...byLine.keys()].sort()).toEqual([1, 2, 4, 5])
    expect(byLine.get(2)).toMatchObject({ file, event: { data: {} }, problem: { code: 'invalid-event', status: 422 } })
    expect(byLine.get(2).problem.errors.length).toBeGreaterThan(3)
  })

  it('an event with an id of its own and other content is refused, not taken for the first', async () => {
    const file = inFolder('twice.ndjson')
    const first = { ...established, id: 'twice-1' }
    await writeFile(file, line({ ...first, subject: '91210203XTEXT0018E' }))
    const ran = await at('post', file, '--keys', join(exchange.dataDir, 'keys'))
    expect(countsIn(ran)).toMatchObject({ refused: 1, 'already-established': 1 })
    expect(ran.code).toBe(1)
  })

  it('a sender whose key is not there is told so, and nobody else waits for it', async () => {
    const file = inFolder('stranger.ndjson')
    await writeFile(file, line({ ...established, source: 'stranger' }) + line({ ...established }))
    const ran = await at('post', file, '--keys', join(exchange.dataDir, 'keys'))
    expect(countsIn(ran)).toMatchObject({ 'already there': 1, refused: 1, 'no-key': 1 })
  })

  it('an exchange that is away ends the run with what to do, and exit code 2', async () => {
    const ran = await lianban(['post', examplesFolder, '--keys', join(exchange.dataDir, 'keys'), '--url', 'http://127.0.0.1:9'])
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('--url')
  })
})

describe('keys', () => {
  it('a key file is for its owner alone and is never overwritten', async () => {
    const file = inFolder('own.jwk')
    const made = await lianban(['keys', 'generate', '--out', file, '--alg', 'EdDSA', '--kid', 'own-1'])
    expect(made.stdout).toMatch(/^kid +own-1$/m)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const content = await readFile(file, 'utf8')
    expect(JSON.parse(await readFile(inFolder('own.pub.jwk'), 'utf8'))).not.toHaveProperty('d')
    expect((await lianban(['keys', 'generate', '--out', file])).code).toBe(2)
    await rm(inFolder('own.pub.jwk'))
    expect((await lianban(['keys', 'generate', '--out', file])).code).toBe(2)
    expect(await readFile(file, 'utf8')).toBe(content)
  })

  it('a bureau rotates its key by itself, and the revoked one signs nothing more', async () => {
    const next = inFolder('state-tax-2.jwk')
    await lianban(['keys', 'generate', '--out', next, '--kid', 'state-tax-2'])
    const registered = await at('keys', 'register', next, '--party', 'state-tax', '--voucher', keyOf('state-tax'))
    expect(registered).toMatchObject({ code: 0, stderr: '' })
    const { kid } = JSON.parse(await readFile(keyOf('state-tax'), 'utf8'))
    // in the log it stands in UTC
    const [since, given] = ['2026-11-01T00:00:00Z', '2026-11-01T08:00:00+08:00']
    const revoked = await at(
      ...['keys', 'revoke', kid, '--party', 'state-tax', '--key', next, '--reason', 'rotation', '--compromised-since', given],
    )
    expect(revoked).toMatchObject({ code: 0, stderr: '' })
    const again = await at(
      ...['keys', 'revoke', kid, '--party', 'state-tax', '--key', next, '--reason', 'rotation', '--compromised-since', since],
    )
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') })
    const old = await at('keys', 'list', '--key', keyOf('state-tax'))
    expect(old.code).toBe(1)
    expect(old.stderr).toContain('token-invalid')
    const list = await at('keys', 'list', '--key', next, '--party', 'state-tax')
    expect(list.stdout).toMatch(new RegExp(`^state-tax +${kid} .+revoked at \\d+: rotation, in doubt since ${since}$`, 'm'))
    expect(list.stdout).toMatch(/^state-tax +state-tax-2 .+in force$/m)
    expect(list.stdout).not.toContain('commerce')
  })

  it('a key is registered at two desks, and the voucher fits no other key', async () => {
    const [mine, other] = [inFolder('commerce-2.jwk'), inFolder('commerce-3.jwk')]
    await lianban(['keys', 'generate', '--out', mine])
    await lianban(['keys', 'generate', '--out', other])
    const vouched = await at('keys', 'vouch', inFolder('commerce-2.pub.jwk'), '--party', 'commerce', '--key', keyOf('commerce'))
    expect(vouched.code).toBe(0)
    await writeFile(inFolder('commerce.voucher'), vouched.stdout)
    const register = (file: string, voucher: string) =>
      at('keys', 'register', file, '--party', 'commerce', '--voucher-text', voucher)
    const wrong = await register(other, inFolder('commerce.voucher'))
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toMatch(/its kid is .+\n.+its thumbprint is /)
    expect(await register(mine, vouched.stdout.trim())).toMatchObject({ code: 0, stderr: '' })
    const again = await register(mine, inFolder('commerce.voucher'))
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nothing to do: .+ of commerce is registered since index \d+$/m),
    })
  })

  it('registered or revoked twice, a key’s command says where it stands, and another key under its name is refused', async () => {
    const [key, other] = [inFolder('twice.jwk'), inFolder('twice-other.jwk')]
    await lianban(['keys', 'generate', '--out', key, '--kid', 'twice'])
    await lianban(['keys', 'generate', '--out', other, '--kid', 'twice'])
    const register = (file: string) => at('keys', 'register', file, '--party', 'commerce', '--voucher', keyOf('commerce'))
    const revoke = (by: string, ...more: readonly string[]) =>
      at('keys', 'revoke', 'twice', '--party', 'commerce', '--key', by, '--reason', 'a test', ...more)
    const indexIn = ({ stdout }: Ran) => / index (\d+)$/m.exec(stdout)?.[1] ?? stdout
    const registered = await register(key)
    const size = await logSize()
    expect(await register(key)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') })
    expect(indexIn(await register(key))).toBe(indexIn(registered))
    expect(await register(other)).toMatchObject({ code: 1, stderr: expect.stringContaining('used before') })
    expect(await logSize()).toBe(size)

    const revoked = await revoke(keyOf('commerce'))
    expect(await revoke(keyOf('commerce'))).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') })
    expect(indexIn(await revoke(keyOf('commerce')))).toBe(indexIn(revoked))
    const doubted = await revoke(keyOf('commerce'), '--compromised-since', '2026-11-01T00:00:00Z')
    expect(doubted).toMatchObject({ code: 1, stderr: expect.stringContaining('the log says nothing of when') })
    expect(await revoke(key)).toMatchObject({ code: 1, stderr: expect.stringContaining('keys list') })
    // a revoked one is registered no more
    expect((await register(key)).code).toBe(1)
    expect(await logSize()).toBe(size + 1)
  })

  it('an answer that is lost on its way is asked for again, and what it said is told', async () => {
    const key = inFolder('lost.jwk')
    await lianban(['keys', 'generate', '--out', key, '--kid', 'lost'])
    const losing = await loseFirstAnswer(exchange.url)
    try {
      const size = await logSize()
      const register = ['keys', 'register', key, '--party', 'commerce', '--voucher', keyOf('commerce'), '--url', losing.url]
      expect(await lianban(register)).toMatchObject({ code: 0, stdout: `registered lost of commerce at index ${size}\n` })
      expect(losing.lost()).toBe(1)
      expect(await logSize()).toBe(size + 1)
    } finally {
      losing.close()
    }
  })

  it('--first is refused where a key is registered already', async () => {
    const env = { DATA_DIR: exchange.dataDir }
    const ran = await lianban(['keys', 'register', inFolder('own.jwk'), '--party', 'operator', '--first'], { env })
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('--voucher')
  })
})

describe('signing', () => {
  it('what sign prints is accepted over plain HTTP, event and token', async () => {
    const event = inFolder('event.json')
    await writeFile(event, JSON.stringify(examples()[0]))
    const signed = await lianban(['sign', event, '--key', keyOf('commerce'), '--complete'])
    const headers = { 'content-type': 'application/jose' }
    const answer = await fetch(`${exchange.url}/v1/events`, { method: 'POST', headers, body: signed.stdout })
    // it is the first company again, under another time
    expect(await answer.json()).toMatchObject({ code: 'duplicate-id' })
    const token = (await at('sign', '--token', '--key', keyOf('commerce'))).stdout.trim()
    expect((await fetch(`${exchange.url}/v1/keys`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  })

  it('without --complete the bytes are signed as they are', async () => {
    const text = '{ "specversion" : "1.0" }'
    const signed = await lianban(['sign', '-', '--key', keyOf('commerce'), '--header', '{"aud":"x"}'], { input: text })
    const [header = '', payload = ''] = signed.stdout.split('.')
    expect(Buffer.from(payload, 'base64url').toString()).toBe(text)
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ aud: 'x', typ: 'event+jws' })
  })
})

describe('a catalogue', () => {
  const apply = (file: string, key: string, reason = 'statistics joins') =>
    at('catalogue', 'apply', file, '--key', key, '--reason', reason)
  const changed = async (change: (catalogue: Record<string, never>) => unknown): Promise<string> => {
    const file = await statisticsCatalogue()
    await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')))))
    return file
  }

  it('check names every fault at once', async () => {
    const file = await changed(({ types, ...rest }: Record<string, object[]>) => ({
      ...rest,
      types: types?.map((type, i) => (i < 2 ? { ...type, kind: `nothing-${i}` } : type)),
    }))
    const ran = await lianban(['catalogue', 'check', file])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('nothing-0')
    expect(ran.stderr).toContain('nothing-1')
    expect((await lianban(['catalogue', 'check'])).stdout).toMatch(/^OK: /)
  })

  it('only an operator puts one in force', async () => {
    const size = await logSize()
    const ran = await apply(await statisticsCatalogue(), keyOf('commerce'))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('not-yours')
    expect(await logSize()).toBe(size)
  })

  it('a bureau that joins a running exchange gets its view, history included', async () => {
    const file = await statisticsCatalogue()
    const ran = await apply(file, keyOf('operator'))
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const key = inFolder('statistics.jwk')
    await lianban(['keys', 'generate', '--out', key])
    expect((await at('keys', 'register', key, '--party', 'statistics', '--voucher', keyOf('operator'))).code).toBe(0)
    await eventually(async () => {
      const record = await at('record', 'show', '91210203XTEXT0018E', '--bureau', 'statistics', '--key', key, '--json')
      expect(JSON.parse(record.stdout)).toMatchObject({ bureau: 'statistics', data: { employeeCount: 18 } })
      expect(record.stdout).not.toContain('idNumber')
    })
    const size = await logSize()
    const again = await apply(file, keyOf('operator'))
    expect(again).toMatchObject({ code: 0 })
    expect(again.stdout).toContain('nothing to do')
    expect(await logSize()).toBe(size)
  })

  it('an event that no office answers for is parked: by groups, as a list, in its subject’s history, until it is dismissed', async () => {
    const file = inFolder('no-office.ndjson')
    const events = companies(1).map((event) => ({ ...event, data: { ...event.data, addressDivision: '210211' } }))
    await writeFile(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const posted = await at('post', file, '--as', 'commerce', '--key', keyOf('commerce'))
    expect(posted.stdout).toMatch(/^accepted +[12]$/m)
    const [subject = ''] = events.map((event) => event.subject)
    const parked = (...args: string[]) => at('parked', ...args, '--key', keyOf('operator'))
    await eventually(async () => {
      const { stdout } = await parked('groups')
      expect(stdout).toMatch(new RegExp(`^local-tax +no-office +registration\\.established\\.v1 +1 +1 .*${subject}`, 'm'))
      expect(stdout).toContain('what usually cures it: add the division to the table')
    })
    const groups = JSON.parse((await parked('groups', '--cause', 'no-office', '--json')).stdout)
    expect(groups).toMatchObject({ groups: [{ bureau: 'local-tax', cause: 'no-office', events: 1, subjects: 1 }] })
    const list = JSON.parse((await parked('list', '--json', '--bureau', 'local-tax', '--cause', 'no-office')).stdout)
    expect(list).toEqual({ events: [expect.objectContaining({ bureau: 'local-tax', subject, cause: 'no-office' })] })
    expect((await parked('list', '--limit', '1', '--subject', subject)).stdout).toContain('there are more than 1')
    expect(await parked('list', '--bureau', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('local-tax') })

    const shown = await parked('show', subject, '--bureau', 'local-tax')
    expect(shown.stdout).toContain('parked: no-office')
    expect(shown.stdout).toMatch(/^ +addressDivision +- → 210211$/m)
    expect(shown.stdout).not.toMatch(/210299\d|王海岸/)
    expect((await parked('show', 'nobody', '--bureau', 'local-tax')).code).toBe(1)

    const dismiss = (...args: string[]) => parked('dismiss', '--bureau', 'local-tax', '--reason', 'a test', ...args)
    expect((await dismiss()).stderr).toContain('--index')
    expect((await dismiss('--cause', 'record-schema')).code).toBe(1)
    expect((await dismiss('--cause', 'no-office')).stdout).toMatch(
      /^1 event dismissed from the view of local-tax; on record at index \d+$/m,
    )
    expect((await dismiss('--index', String(list.events[0].index))).stdout).toContain('had been dismissed before')
    expect((await parked('show', subject, '--bureau', 'local-tax')).stdout).toMatch(/dismissed by operation \d+: a test/)
    // what waited behind it was tried at once, and has the same fault
    const left = JSON.parse((await parked('list', '--json')).stdout)
    expect(left).toMatchObject({ events: [{ type: 'registration.changed.v1', cause: 'no-office', tries: 2 }] })
  })

  it('where the catalogue wants it, a group is dismissed by two persons', async () => {
    const file = await changed((catalogue) => ({ ...catalogue, version: 'two persons', twoPersons: ['dismiss'] }))
    expect((await apply(file, keyOf('operator'))).code).toBe(0)
    const second = inFolder('second.jwk')
    await lianban(['keys', 'generate', '--out', second])
    expect((await at('keys', 'register', second, '--party', 'operator', '--voucher', keyOf('operator'))).code).toBe(0)
    const events = companies(2, 1).map((event) => ({ ...event, data: { ...event.data, addressDivision: '210211' } }))
    const lines = inFolder('two-persons.ndjson')
    await writeFile(lines, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    await at('post', lines, '--as', 'commerce', '--key', keyOf('commerce'))
    const group = ['--bureau', 'local-tax', '--cause', 'no-office', '--type', 'registration.established.v1']
    const asked = await eventually(async () => {
      const { stdout } = await at('parked', 'groups', ...group, '--key', keyOf('operator'))
      expect(stdout).toMatch(/^local-tax +no-office +registration\.established\.v1 +2 +2 /m)
    }).then(() => at('parked', 'dismiss', ...group, '--key', keyOf('operator'), '--reason', 'a test'))
    const proposal = /^the second person: lianban proposals approve (\d+) /m.exec(asked.stdout)?.[1] ?? ''
    expect((await at('proposals', 'list', '--key', second)).stdout).toMatch(
      new RegExp(`^${proposal} +dismiss +bureau local-tax; indexes \\d+, \\d+ +operator `, 'm'),
    )
    const approve = (key: string) => at('proposals', 'approve', proposal, '--key', key, '--reason', 'a test')
    expect(await approve(keyOf('operator'))).toMatchObject({ code: 1, stderr: expect.stringContaining('a second person') })
    expect(await approve(second)).toMatchObject({ code: 0, stdout: `${proposal} is approved and carried out\n` })
    expect((await approve(second)).stdout).toBe(`${proposal} was approved before\n`)
    expect((await at('proposals', 'list', '--key', second)).stdout).toBe('nothing waits for a second person\n')
  })

  it('what events rest on stays: a used type, the place of a kind on the bus, an operator with a key', async () => {
    const size = await logSize()
    const file = await changed(({ types, kinds, parties, ...rest }: Record<string, Record<string, unknown>[]>) => ({
      ...rest,
      types: types?.filter(({ type }) => type !== 'registration.annual-report.v1'),
      kinds: kinds?.map((kind) => ({ ...kind, partitions: 7 })),
      parties: parties?.map((party) => (party.role === 'operator' ? { ...party, id: 'other-operator' } : party)),
    }))
    const ran = await apply(file, keyOf('operator'))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('registration.annual-report.v1 is missing')
    expect(ran.stderr).toContain('partitions is 12 for good')
    expect(ran.stderr).toContain('no operator of it has a key in force')
    expect(await logSize()).toBe(size)
  })
})

describe('asking', () => {
  const commands = [
    ...['serve', 'gateway', 'publish', 'consume', 'sign', 'post', 'receipt verify', 'record show'],
    ...['parked groups', 'parked list', 'parked show', 'parked dismiss'],
    ...['keys generate', 'keys register', 'keys vouch', 'keys revoke', 'keys list', 'catalogue check', 'catalogue apply'],
  ]

  it.each(commands)('%s explains itself with an example', async (command) => {
    const ran = await lianban([...command.split(' '), '--help'])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toMatch(new RegExp(`Examples?:\\n[^]*lianban ${command}`))
  })

  it.each([
    ['an unknown command', ['publsh']],
    ['an unknown option', ['post', '.', '--bogus']],
    ['a missing option', ['keys', 'revoke', 'x']],
    ['no key at all', ['post', '.']],
    ['a number out of bounds', ['post', '.', '--concurrency', '0']],
    ['a file that is not there', ['record', 'show', 'x', '--bureau', 'b', '--key', 'no-such.jwk']],
  ])('%s is a question asked wrongly: exit code 2', async (_what, args) => {
    const ran = await lianban(args)
    expect(ran.code).toBe(2)
    expect(ran.stderr).not.toBe('')
  })
})
