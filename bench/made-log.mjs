// The tests' maker of logs, for benchmarks: compiled once into a folder from which its imports lead where they should.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** @returns the module tests/support/made-log.ts */
export async function madeLogModule() {
  const out = join(root, 'node_modules', '.cache', 'lianban-bench')
  mkdirSync(out, { recursive: true })
  for (const name of ['schemas', 'docs']) if (!existsSync(join(out, name))) symlinkSync(join(root, name), join(out, name))
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const options = [
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--moduleResolution',
    'nodenext',
    '--types',
    'node',
    '--skipLibCheck',
  ]
  const paths = [
    '--rewriteRelativeImportExtensions',
    '--allowImportingTsExtensions',
    '--rootDir',
    root,
    '--outDir',
    out,
    '--noCheck',
    '--ignoreConfig',
  ]
  execFileSync(compiler, [...options, ...paths, join(root, 'tests', 'support', 'made-log.ts')], { cwd: root, stdio: 'inherit' })
  return import(join(out, 'tests', 'support', 'made-log.js'))
}
