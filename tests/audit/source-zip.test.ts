import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeZip } from '../../src/audit/evidence/write-evidence.ts'
import { openSource } from '../../src/audit/open-source.ts'
import { audit } from '../support/audit-command.ts'
import { makeLog } from '../support/made-log.ts'
import { filesOf, newFolder } from './log-prefix.ts'

it('a zip of an export is as good as its folder, packed with the folder or without; what is no zip is refused', async () => {
  const made = await makeLog({ events: 300 })
  const paths = Object.keys(await filesOf(made.dir))
  const contents = await Promise.all(paths.map(async (path) => [path, await readFile(join(made.dir, path))] as const))
  for (const prefix of ['', 'log/']) {
    const zip = join(await newFolder(), 'log.zip')
    await writeZip(zip, new Map(contents.map(([path, content]) => [`${prefix}${path}`, content])), '2026-11-23T00:00:00Z')
    const out = await newFolder()
    const ran = await audit('export', zip, '--out', out, '--vkey', made.vkey)
    expect(ran, ran.stderr).toMatchObject({ code: 0 })
    const { index: _, ...exported } = await filesOf(out)
    for (const path of paths.filter((each) => each.startsWith('tile/'))) expect(Object.keys(exported)).toContain(path)
  }
  const noZip = join(await newFolder(), 'x.zip')
  await writeFile(noZip, 'PK not really')
  await expect(openSource(noZip)).rejects.toThrow('is no export')
  await expect(openSource(join(made.dir, 'nowhere'))).rejects.toThrow('no folder, no file')
})
