import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { copyBinaries, linkLibraries, packagedBinaries, runsAs, type SystemUser } from './binaries.ts'

/** Where one data directory's Postgres lives, and as whom it runs. */
export interface PostgresHome {
  /** holds `cluster`, `password`, `port` and the server's own log; real path */
  readonly folder: string
  readonly binaries: string
  /** undefined: as the user we are */
  readonly user: SystemUser | undefined
}

/** Where root keeps what user postgres couldn't reach in a folder of root's own. */
const sharedFolder = '/var/lib/lianban'

/**
 * Finds or makes the place for a data directory's Postgres; as root it may also make a system user, and a folder outside of the data
 * directory.
 *
 * Postgres refuses to run as root. An exchange started by root runs it as user `postgres`, whom it makes with `useradd`, or `adduser`,
 * where the system has none. That user must reach both the folder and the programs; where it can't (a 0700 parent, such as a clone in
 * /root), they go below /var/lib/lianban, which is made, and a note in the data directory says so. Neither is ever removed.
 *
 * @throws {Error} when the user can't be made, or can't run or reach what it needs; the message says what to do
 */
export async function postgresHome(dataDir: string): Promise<PostgresHome> {
  const near = path.join(await realpath(dataDir), 'postgres')
  await mkdir(near, { recursive: true, mode: 0o700 })
  const { folder: packaged, version } = packagedBinaries()
  if (process.getuid?.() !== 0) return { folder: near, binaries: await ownBinaries(packaged, near), user: undefined }

  const folder = await folderAsRoot(near)
  const user = (await ownerOf(path.join(folder, 'cluster'))) ?? postgresUser()
  await mkdir(folder, { recursive: true })
  await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  await linkLibraries(packaged)
  if (runsAs(user, packaged)) return { folder, binaries: packaged, user }
  const copy = path.join(sharedFolder, `programs-${version}`)
  await makeSharedFolder()
  await copyBinaries(packaged, copy)
  if (!runsAs(user, copy))
    throw new Error(`${copy}/bin/postgres can't be run by user id ${user.uid}: set DATABASE_URL to use another Postgres`)
  return { folder, binaries: copy, user }
}

/** Where a data directory's Postgres is, without making anything. */
export async function existingHomeFolder(dataDir: string): Promise<string> {
  const near = path.join(await realpath(dataDir), 'postgres')
  return (await notedFolder(near)) ?? near
}

async function ownBinaries(packaged: string, near: string): Promise<string> {
  try {
    await linkLibraries(packaged)
    return packaged
  } catch {
    // node_modules of another user, installed without scripts: the links can only be made in a copy
    const copy = path.join(near, 'programs')
    await copyBinaries(packaged, copy)
    return copy
  }
}

async function folderAsRoot(near: string): Promise<string> {
  const noted = await notedFolder(near)
  const far = path.join(sharedFolder, createHash('sha256').update(near).digest('hex').slice(0, 16))
  if (noted !== undefined && noted !== far) {
    throw new Error(
      `the database of ${path.dirname(near)} is in ${noted}, from when this folder had another name. ` +
        `Move it to ${far} and write that path into ${noteFile(near)}, or move the folder back.`,
    )
  }
  if (noted !== undefined) return noted
  const owner = await ownerOf(path.join(near, 'cluster'))
  const user = owner ?? postgresUser()
  await chown(near, user.uid, user.gid)
  await chmod(near, 0o700)
  if (spawnSync('/bin/sh', ['-c', 'test -w "$0" && cd "$0"', near], { cwd: '/', stdio: 'ignore', ...user }).status === 0)
    return near
  if (owner !== undefined) {
    throw new Error(
      `the database in ${near} can no longer be reached by its user ${user.uid}: give the folders above it mode 0711 or more`,
    )
  }
  await chown(near, 0, 0)
  await makeSharedFolder()
  await writeFile(noteFile(near), `${far}\n`)
  return far
}

const noteFile = (near: string) => path.join(near, 'is-elsewhere')

async function notedFolder(near: string): Promise<string | undefined> {
  const note = await readFile(noteFile(near), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return note.trim() === '' ? undefined : note.trim()
}

async function makeSharedFolder(): Promise<void> {
  if (await lstat(sharedFolder).catch(() => undefined)) return
  await mkdir(sharedFolder, { recursive: true })
  await chmod(sharedFolder, 0o755)
}

/** @returns undefined when it isn't there or is root's, for whom Postgres doesn't run */
async function ownerOf(file: string): Promise<SystemUser | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid }
}

function postgresUser(): SystemUser {
  const existing = userByName('postgres')
  if (existing) return existing
  // the first is of most distributions, the second of those with busybox
  spawnSync('useradd', ['--system', '--no-create-home', '--shell', '/bin/false', 'postgres'], { stdio: 'ignore' })
  if (!userByName('postgres')) spawnSync('adduser', ['-S', '-D', '-H', '-s', '/bin/false', 'postgres'], { stdio: 'ignore' })
  const made = userByName('postgres')
  if (made) return made
  throw new Error(
    'Postgres does not run as root and user postgres could not be made: make it, run as another user, or set DATABASE_URL',
  )
}

function userByName(name: string): SystemUser | undefined {
  const [uid, gid] = ['-u', '-g'].map((option) => spawnSync('id', [option, name], { encoding: 'utf8' }))
  if (uid?.status !== 0 || gid?.status !== 0) return undefined
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}
