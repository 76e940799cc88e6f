import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { codeChecks } from '../../src/domain/codes/code-checks.ts'
import { guardNames } from '../../src/domain/order.ts'
import { type ProblemCode, problemOf, problems } from '../../src/domain/problems.ts'
import { parkedCauses } from '../../src/domain/record.ts'
import { createMetrics } from '../../src/metrics.ts'
import { built } from '../support/built.ts'
import { blocksOf, brokenLinks, codeRowsOf, readDocument, root } from './documents.ts'

const pages = [
  'README.md',
  ...['bureau', 'auditor', 'operator', 'deploy', 'catalogue', 'security'].map((page) => `docs/${page}.md`),
]

describe('the tables of the documents', () => {
  it('name every problem code with its status and whether to try again, and no other', async () => {
    const rows = codeRowsOf(await readDocument('docs/bureau.md')).filter(([, status = '']) => /^\d{3}$/.test(status))
    const told = Object.fromEntries(rows.map(([code, status, again]) => [code, `${status} ${again}`]))
    const codes = Object.keys(problems) as ProblemCode[]
    const defined = Object.fromEntries(
      codes.map((code) => [code, `${problemOf(code).status} ${problemOf(code).retryable ? 'yes' : 'no'}`]),
    )
    expect(told).toEqual(defined)
  })

  it('name every setting, and no other', async () => {
    const source = await readDocument('src/config.ts')
    const read = new Set(
      [...source.matchAll(/(?:env\.|read\(\s*'|\{ |, )([A-Z]{3,}(?:_[A-Z]+)*)\b/g)].map(([, name = '']) => name),
    )
    const [, afterSettings = ''] = (await readDocument('README.md')).split('## Settings')
    const [settings = ''] = afterSettings.split('\n## ')
    const told = codeRowsOf(settings).flatMap(([cell = '']) => cell.match(/[A-Z]{3,}(?:_[A-Z]+)*/g) ?? [])
    expect(told.sort()).toEqual([...read].sort())
  })

  it('name every command', async () => {
    const readme = await readDocument('README.md')
    const commands = await leafCommands()
    expect(commands.length).toBeGreaterThan(10)
    expect(commands.filter((command) => !readme.includes(`\`${command}`))).toEqual([])
  }, 120_000)

  it('name every metric of ours, and no other', async () => {
    const told = codeRowsOf(await readDocument('docs/operator.md')).flatMap(([name = '']) =>
      name.startsWith('lianban_') ? [name] : [],
    )
    const metrics = await createMetrics().registry.getMetricsAsJSON()
    expect(told.sort()).toEqual(
      metrics
        .map(({ name }) => name)
        .filter((name) => name.startsWith('lianban_'))
        .sort(),
    )
  })

  it('name every cause of parking, every check of codes and every guard', async () => {
    const operator = await readDocument('docs/operator.md')
    const catalogue = await readDocument('docs/catalogue.md')
    expect(parkedCauses.filter((cause) => !operator.includes(`| \`${cause}\``))).toEqual([])
    // where groups say that the runbook is
    expect(parkedCauses.filter((cause) => !operator.includes(`\n### Parked: ${cause}\n`))).toEqual([])
    expect([...Object.keys(codeChecks), ...guardNames].filter((name) => !catalogue.includes(`\`${name}\``))).toEqual([])
  })
})

describe('the documents', () => {
  it('link to what is there, and their JSON is JSON', async () => {
    const decisions = (await readdir(join(root, 'docs', 'decisions'))).map((name) => `docs/decisions/${name}`)
    for (const name of [...pages, ...decisions]) {
      const markdown = await readDocument(name)
      expect(brokenLinks(name, markdown), name).toEqual([])
      for (const block of blocksOf(markdown, 'json')) expect(() => JSON.parse(block), `${name}: ${block}`).not.toThrow()
    }
  })
})

/** Every command of the program, `keys generate` and its like in two words. */
async function leafCommands(): Promise<readonly string[]> {
  const main = join(await built(), 'main.js')
  const commandsOf = async (...parents: string[]): Promise<readonly string[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...parents, '--help'])
    const [, list = ''] = stdout.split('Commands:\n')
    return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
  }
  const top = await commandsOf()
  const nested = await Promise.all(
    top.map(async (name) => {
      const below = await commandsOf(name)
      return below.length === 0 ? [name] : below.map((each) => `${name} ${each}`)
    }),
  )
  return nested.flat()
}
