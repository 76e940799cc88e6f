import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { built } from '../support/built.ts'
import { companies } from '../support/companies.ts'
import { type CompanyExchange, companyExchange } from '../support/company-exchange.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { lianban } from '../support/lianban.ts'
import { operate } from '../support/operate.ts'
import { laterChange } from '../support/parked-companies.ts'

let exchange: CompanyExchange
let folder: string
beforeAll(() => built())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lianban-reconcile-'))
})
afterEach(async () => {
  await exchange?.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = async (...args: readonly string[]) => {
  const env = { DATABASE_URL: exchange.gateway.url, DATA_DIR: folder }
  return lianban(['view', 'reconcile', '--bureau', 'local-tax', ...args], { env })
}
const reconcile = async (...args: readonly string[]): Promise<{ code: number | null; found: JsonObject; stdout: string }> => {
  const { code, stdout, stderr } = await run('--json', ...args)
  expect(stderr).toBe('')
  return { code, found: JSON.parse(stdout), stdout }
}
const sql = () => exchange.gateway.database.raw

describe('a view held against the fold of the log', () => {
  it('agrees with it, parked subjects included, beside a running exchange', async () => {
    exchange = await companyExchange({ cured: false })
    await exchange.post(3)
    expect(await reconcile()).toMatchObject({
      code: 0,
      found: { agree: true, subjects: 3, parkedAlike: 3, differences: [] },
    })
    expect((await run()).stdout).toBe(
      'all agree: 3 subjects in the view of local-tax and in the fold of the log; 3 have parked events, in the fold too\n',
    )
  })

  it('names what differs, in which fields, and from which event each value came; no particulars of persons', async () => {
    exchange = await companyExchange({ cured: true })
    const [changed = '', missing = '', extra = '', person = ''] = await exchange.post(5)
    const [{ last } = { last: -1 }] = await sql()<{ last: number }[]>`
      select last_index as last from view_local_tax.records where subject = ${changed}`
    await sql()`
      update view_local_tax.records set data = jsonb_set(data::jsonb, '{enterpriseName}', '"Somebody else"') where subject = ${changed}`
    await sql()`update view_local_tax.records set updated_at = now() + interval '1 day'`
    await sql()`delete from view_local_tax.records where subject = ${missing}`
    await sql()`update view_local_tax.records set subject = 'NOBODY' where subject = ${extra}`
    await sql()`
      update view_local_tax.records set data = jsonb_set(data::jsonb, '{legalRepresentative,name}', '"李四"') where subject = ${person}`
    const { code, found, stdout } = await reconcile()
    expect({ code, ...found }).toMatchObject({
      code: 1,
      agree: false,
      subjects: 6,
      different: 2,
      missing: 2,
      extra: 1,
      parked: 0,
    })
    const of = (subject: string) => [found.differences].flat().filter((one) => JSON.stringify(one).includes(`"${subject}"`))
    expect(of(changed)).toMatchObject([
      {
        what: 'different',
        fields: [{ field: 'enterpriseName', view: { value: 'Somebody else', index: last }, log: { index: last } }],
      },
    ])
    expect(of(missing)).toMatchObject([{ what: 'missing' }])
    expect(of('NOBODY')).toMatchObject([{ what: 'extra' }])
    expect(of(person)).toMatchObject([{ fields: [{ field: 'legalRepresentative', personal: true }] }])
    expect(stdout).not.toMatch(/李四|idNumber/)
  })

  it('says apart what waits for a replay, and takes in what was dismissed', async () => {
    exchange = await companyExchange({ cured: false })
    const [first = '', second = ''] = await exchange.post(2)
    const parkedOf = (subject: string) => sql()<{ index: number }[]>`
      select index from view_local_tax.parked where subject = ${subject} order by index`
    const indexes = (await parkedOf(first)).map(({ index }) => index)
    const details = { bureau: 'local-tax', indexes }
    expect((await operate(exchange.gateway, '/v1/operations/dismissals', 'dismiss', details)).status).toBe(201)
    expect(await reconcile()).toMatchObject({ code: 0, found: { agree: true, subjects: 2, parkedAlike: 1 } })

    await exchange.cure()
    const { code, found } = await reconcile()
    expect({ code, ...found }).toMatchObject({ code: 1, parked: 1, different: 0, missing: 0, extra: 0, parkedAlike: 0 })
    const [{ index } = { index: -1 }] = await parkedOf(second)
    const held = { parked: { view: { index, cause: 'no-office', events: 2 }, log: null } }
    expect(found.differences).toMatchObject([{ subject: second, what: 'parked', ...held }])
  })

  it('says by how much a view is behind the log, and compares what it has: what is on its way is no difference', async () => {
    exchange = await companyExchange({ cured: true })
    const [known = ''] = await exchange.post(3)
    await sql().begin(async (tx) => {
      // its consumer stands still until this ends
      await tx`lock table view_local_tax.positions in exclusive mode`
      for (const event of [laterChange(3, 0), ...companies(2, 3)])
        expect((await exchange.gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)).status).toBe(201)
      expect(await reconcile()).toMatchObject({ code: 0, found: { agree: true, subjects: 3, behind: 5, differences: [] } })
      expect((await run()).stdout).toBe(
        'all agree: 3 subjects in the view of local-tax and in the fold of the log\n' +
          'the view of local-tax is behind the log by 5 events, which were not compared\n',
      )
      // behind or not, what somebody wrote to it is found
      await sql()`update view_local_tax.records set office = 'elsewhere' where subject = ${known}`
      expect(await reconcile()).toMatchObject({ code: 1, found: { different: 1, missing: 0, extra: 0, parked: 0, behind: 5 } })
    })
    await eventually(async () => expect(await reconcile()).toMatchObject({ code: 0, found: { subjects: 5, behind: 0 } }))
  })

  it('asks the database about a record that it refused', async () => {
    exchange = await companyExchange({ cured: true })
    await sql()`alter table view_local_tax.records add constraint no_offices check (office is null)`
    await exchange.post(2)
    const causes = await sql()<{ cause: string }[]>`select cause from view_local_tax.parked order by cause desc, index`
    expect(causes.map(({ cause }) => cause)).toEqual(['constraint', 'constraint', 'behind', 'behind'])
    expect(await reconcile()).toMatchObject({ code: 0, found: { agree: true, parkedAlike: 2 } })
    await sql()`alter table view_local_tax.records drop constraint no_offices`
    expect(await reconcile()).toMatchObject({ code: 1, found: { parked: 2 } })
  })

  it('writes every difference to a file, and none in part', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(4)
    await sql()`update view_local_tax.records set office = 'elsewhere'`
    const out = join(folder, 'differences.ndjson')
    const { code, stdout } = await run('--out', out, '--limit', '1')
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('and 3 more in') })
    const lines = (await readFile(out, 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).fields[0])).toMatchObject(
      lines.map(() => ({ field: 'office', view: { value: 'elsewhere' }, log: { value: '西岗税务所' } })),
    )
    expect(lines).toHaveLength(4)
    expect(await readdir(folder)).toEqual(['differences.ndjson'])
  })

  it('could not compare: says so with exit code 2', async () => {
    exchange = await companyExchange({ cured: true })
    const { code, stderr } = await run('--bureau', 'nobody')
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'lianban: the catalogue in force has no bureau nobody\n' })
  })
})

describe("a view held against the bureau's own list", () => {
  const against = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return reconcile('--against', join(folder, name))
  }
  const shown = async () => {
    const rows = await sql()<{ subject: string; name: string; last: number }[]>`
      select subject, name, last_index as last from view_local_tax.records order by subject`
    return rows.map((row) => ({ ...row }))
  }

  it('agrees, as CSV and as NDJSON, field by field that the list has', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(3)
    const rows = await shown()
    const csv = rows.map(({ subject, name }) => `"${name}",${subject},西岗税务所,\r\n`).join('')
    expect(await against('own.csv', `\ufeffenterpriseName,uscc,office,noSuchField\r\n${csv}\r\n`)).toMatchObject({
      code: 0,
      found: { agree: true, subjects: 3 },
    })
    const people = await sql()<{ subject: string; person: JsonObject }[]>`
      select subject, data -> 'legalRepresentative' as person from view_local_tax.records`
    const turned = people.map(({ subject, person }) => {
      const cell = JSON.stringify(Object.fromEntries(Object.entries(person).reverse()))
      return `${subject},"${cell.replaceAll('"', '""')}"\n`
    })
    expect(await against('people.csv', `uscc,legalRepresentative\n${turned.join('')}`), 'members in any order').toMatchObject({
      code: 0,
      found: { agree: true, subjects: 3 },
    })
    const ndjson = rows.map(({ subject, name }) => `${JSON.stringify({ subject, name, status: 'active' })}\n`).join('')
    expect(await against('own.ndjson', ndjson)).toMatchObject({ code: 0, found: { agree: true, subjects: 3 } })
  })

  it('names what is missing, extra, different and twice, and the event each value came from', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(3)
    const [first, second, third] = await shown()
    const rows = [
      `${first?.subject},Another name,王五`,
      `${second?.subject},${second?.name},`,
      `${second?.subject},${second?.name},`,
      'NOBODY,"Nobody, Ltd.",',
    ]
    const { code, found, stdout } = await against('own.csv', `uscc,name,legalRepresentative.name\n${rows.join('\n')}\n`)
    expect({ code, ...found }).toMatchObject({ code: 1, subjects: 4, missing: 1, extra: 1, different: 2, twice: 1 })
    const differences = [found.differences].flat()
    expect(differences).toContainEqual({
      kind: 'registration',
      subject: first?.subject,
      what: 'different',
      line: 2,
      lastIndex: first?.last,
      fields: [
        { field: 'legalRepresentative.name', personal: true, view: { index: expect.any(Number) }, list: {} },
        { field: 'name', view: { value: first?.name, index: first?.last }, list: { value: 'Another name' } },
      ],
    })
    expect(differences).toContainEqual(expect.objectContaining({ subject: second?.subject, what: 'twice', line: 4 }))
    expect(differences).toContainEqual(expect.objectContaining({ subject: 'NOBODY', what: 'missing', line: 5 }))
    expect(differences).toContainEqual(
      expect.objectContaining({ subject: third?.subject, what: 'extra', lastIndex: third?.last }),
    )
    expect(stdout).not.toContain('王五')
  })

  it('counts a subject once that stands twice, and names a column that no record has', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(2)
    const [first, second] = await shown()
    const rows = [first, second, second].map((row) => `${row?.subject},${row?.name},x`)
    const { found } = await against('own.csv', `uscc,name,nane\n${rows.join('\n')}\n`)
    expect(found).toMatchObject({ subjects: 2, different: 2, twice: 1, unknownColumns: ['nane'] })
    const { stdout } = await run('--against', join(folder, 'own.csv'))
    expect(stdout).toMatch(/^2 of 2 subjects differ .+; 1 row of the list stands there twice$/m)
    expect(stdout).toContain('no record of the view has a value of "nane"')
    const doubled = `uscc,name\n${rows.map((row) => row.slice(0, -2)).join('\n')}\n`
    expect((await against('own.csv', doubled)).found).toMatchObject({ different: 0, twice: 1, unknownColumns: [] })
  })

  it('refuses what is no list, naming the line', async () => {
    exchange = await companyExchange({ cured: true })
    const refuse = async (name: string, content: string | Uint8Array) => {
      await writeFile(join(folder, name), content)
      const { code, stderr } = await run('--against', join(folder, name))
      expect(code).toBe(2)
      return stderr
    }
    expect(await refuse('a.csv', 'name\nx\n')).toContain('the header has no column subject or uscc')
    expect(await refuse('a.csv', 'uscc,name\nA,b\nB\n')).toContain('line 3: 1 cells')
    expect(await refuse('a.csv', 'uscc,name\nA,"b\n')).toContain('line 2: a quoted cell does not end')
    expect(await refuse('a.csv', Buffer.from([0x75, 0xb4, 0xf3]))).toContain('is not UTF-8')
    expect(await refuse('a.ndjson', '{"subject":"A"}\n[]\n')).toContain('line 2 is no JSON object')
    expect(await refuse('a.txt', '')).toContain('neither .csv nor .ndjson')
    const wide = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`field${i}`, i]))
    expect(await refuse('a.ndjson', `${JSON.stringify({ subject: 'A', ...wide })}\n`)).toContain(
      'more than 1000 different columns',
    )
  })
})
