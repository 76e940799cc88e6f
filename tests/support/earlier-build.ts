import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface EarlierBuild {
  /** its dist/main.js */
  readonly main: string
  /** its package.json's, with src, schemas and drizzle */
  readonly folder: string
  remove(): Promise<void>
}

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

/**
 * Builds an earlier version out of the repository's history, with the packages that are installed here.
 *
 * @param commit an ancestor of what is checked out
 */
export async function earlierBuild(commit: string): Promise<EarlierBuild> {
  await run('git', ['merge-base', '--is-ancestor', commit, 'HEAD'], { cwd: root }).catch((cause) => {
    throw new Error(`${commit} is not in this clone's history: the upgrade is tried from it, so the clone has to be a full one`, {
      cause,
    })
  })
  const folder = await mkdtemp(join(tmpdir(), 'lianban-earlier-'))
  const archive = join(folder, 'source.tar')
  await run(
    'git',
    ['archive', '-o', archive, commit, 'src', 'schemas', 'drizzle', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
    {
      cwd: root,
    },
  )
  await run('tar', ['xf', archive, '-C', folder])
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: folder })
  return {
    main: join(folder, 'dist/main.js'),
    folder,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
