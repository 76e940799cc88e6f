import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const root = path.join(import.meta.dirname, '..', '..')

/**
 * Brings dist/ up to date, for tests that start real processes. `npm test` has done it already, and then it is quick.
 *
 * @returns the path of dist/
 */
export async function built(): Promise<string> {
  const compiler = path.join(root, 'node_modules', '.bin', 'tsc')
  // type errors are another command's concern; what matters is that JavaScript was written
  await promisify(execFile)(compiler, ['-p', 'tsconfig.build.json'], { cwd: root }).catch(() => undefined)
  return path.join(root, 'dist')
}
