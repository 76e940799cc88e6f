import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { built } from '../support/built.ts'
import { type CompanyExchange, companyExchange } from '../support/company-exchange.ts'
import { eventually } from '../support/eventually.ts'
import { cleanEnv, lianban, mainFile } from '../support/lianban.ts'

const kills = 20

let exchange: CompanyExchange
let folder: string
afterEach(async () => {
  await exchange?.stop()
  await rm(folder, { recursive: true, force: true })
})

it(`leaves nothing behind when it is killed, ${kills} times, and then finds what there is`, { timeout: 300_000 }, async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'lianban-reconcile-'))
  exchange = await companyExchange({ cured: true })
  const subjects = await exchange.post(150)
  const { raw: sql } = exchange.gateway.database
  const [odd = ''] = subjects
  await sql`update view_local_tax.records set office = 'elsewhere' where subject = ${odd}`
  const everything = () => sql`
    select to_jsonb(r) as row from view_local_tax.records r union all select to_jsonb(p) from view_local_tax.parked p
    union all select to_jsonb(p) - 'heard_at' - 'heard_size' from view_local_tax.positions p order by 1`
  const before = await everything()

  const list = join(folder, 'own.csv')
  await writeFile(list, ['uscc,office', ...subjects.map((subject) => `${subject},西岗税务所`), ''].join('\n'))
  const out = join(folder, 'out.ndjson')
  const env = { DATABASE_URL: exchange.gateway.url, DATA_DIR: folder }
  const command = (against: boolean) => [
    'view',
    'reconcile',
    '--bureau',
    'local-tax',
    '--out',
    out,
    ...(against ? ['--against', list] : []),
  ]
  // it is killed while it works, not only while it starts
  const started = performance.now()
  expect((await lianban(command(false), { env })).code).toBe(1)
  const tookMs = performance.now() - started
  await rm(out)
  for (let killed = 0; killed < kills; killed++) {
    const child = spawn(process.execPath, [mainFile, ...command(killed % 2 === 0)], { env: cleanEnv(env), stdio: 'ignore' })
    const exited = once(child, 'exit')
    await pause(tookMs * (0.3 + 0.7 * Math.random()))
    child.kill('SIGKILL')
    await exited
    // whole, or not there
    const lines = (await readFile(out, 'utf8').catch(() => undefined))?.split('\n')
    expect(lines === undefined || (lines.length === 2 && lines[0]?.includes(odd))).toBe(true)
    await rm(out, { force: true })
  }
  await eventually(async () =>
    expect(
      await sql`select pid from pg_stat_activity where datname = current_database() and application_name = 'lianban reconcile'`,
    ).toEqual([]),
  )
  expect(await sql`select relname from pg_class where relname in ('own_list', 'trial_records')`).toEqual([])
  expect(await everything()).toEqual(before)

  for (const against of [false, true]) {
    const { code, stdout } = await lianban([...command(against), '--json'], { env })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ subjects: 150, different: 1, differences: [{ subject: odd }] })
  }
})
