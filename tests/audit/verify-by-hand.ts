import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { openZip } from '../../src/audit/zip-reading.ts'
import { newFolder } from './log-prefix.ts'

const run = promisify(execFile)

export async function unzipped(path: string): Promise<Map<string, Buffer>> {
  const zip = await openZip(path, { maxFiles: 10_000, maxTotalBytes: 2 ** 28 })
  const files = new Map<string, Buffer>()
  for (const name of zip.names) files.set(name, (await zip.read(name, 2 ** 24)) ?? Buffer.alloc(0))
  zip.close()
  return files
}

/** @returns the folder that the files were written to */
export async function unpacked(files: ReadonlyMap<string, Buffer>): Promise<string> {
  const folder = await newFolder()
  for (const [name, content] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  return folder
}

/** Does what VERIFY.md says, and nothing else. */
export async function verifiedByHand(folder: string, vkey: string, operator = ''): Promise<string> {
  const script = (await commandsOf(folder)).join('')
  const env = { PATH: process.env.PATH ?? '', VKEY: vkey, OPERATOR: operator }
  return (await run('bash', ['-c', script], { cwd: folder, env })).stdout
}

/** The blocks of VERIFY.md in their order. */
export async function commandsOf(folder: string): Promise<string[]> {
  const page = await readFile(join(folder, 'VERIFY.md'), 'utf8')
  return [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
}
